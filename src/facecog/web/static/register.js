// Register: a photo, a name, and the server's answer drawn on the photo.

import { Problem, register } from './api.js';
import { Camera, toJpeg } from './camera.js';
import { ask, isQuestion, showNewFace } from './choice.js';
import { closePicture, openPicture, takePhotos } from './photo.js';
import { Stage } from './stage.js';
import { count, inSentence } from './words.js';

const $ = (id) => document.getElementById(id);
const stage = new Stage();
const camera = new Camera(stage.video, (trouble) => noCamera(trouble));
let picture = null;
let latest = null; // The file chosen last: a large one may open after its successor.
let origin = 'camera';

// --- the camera ---

async function toCamera() {
  latest = null;
  closePicture(picture);
  picture = null;
  stage.clear();
  enter('camera');
  say('');
  try {
    if (await camera.start()) live();
  } catch (trouble) {
    noCamera(trouble);
  }
}

// The button that led here is gone; the keyboard goes on from the shutter.
async function backToCamera() {
  await toCamera();
  $('shutter').focus({ preventScroll: true });
}

function live() {
  stage.showCamera(camera.size, camera.mirrored);
  $('flip').hidden = !camera.several;
  $('shutter').disabled = false;
}

function noCamera(trouble) {
  stage.clear();
  enter('no-camera');
  stage.notice(trouble.message, Boolean(navigator.mediaDevices));
}

async function shoot() {
  const frame = camera.frame();
  if (!frame) return;
  const blob = await toJpeg(frame, 0.92);
  await showPhoto(new File([blob], 'camera.jpg', { type: 'image/jpeg' }), 'camera');
}

// --- the photo ---

async function showPhoto(file, from) {
  if (stage.state === 'sending') return;
  latest = file;
  const next = await openPicture(file);
  if (latest !== file) return closePicture(next);
  camera.stop();
  closePicture(picture);
  picture = next;
  origin = from;
  stage.showPicture(picture);
  enter('photo');
  say('');
  ($('name').value.trim() ? $('submit') : $('name')).focus();
}

// --- the answer ---

// allowed: what the person answered to the questions about this photo and name.
async function send(allowed = {}) {
  const name = $('name').value.trim();
  nameError(name ? '' : 'Write the name of the person first.');
  if (!name) return $('name').focus();
  if (!picture) return say('Take or choose a photo first.', 'notice');
  enter('sending');
  stage.marks.clear();
  say('Looking at the photo…', 'busy');
  try {
    accepted(await register(name, picture.file, origin, allowed));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (isQuestion(problem)) question(problem, name, allowed);
    else refused(problem);
  }
}

function accepted({ status, subject, sample, face, image }) {
  const already = status === 200;
  enter('done');
  stage.mark([{ box: face.box, kind: 'enrolled', label: subject.name }], image);
  const name = inSentence(subject.name);
  const title = already ? `${name} is here already, with this very photo` : `${name} is registered`;
  const total = `${count(subject.samples, 'photo', 'photos')} stored`;
  $('result').dataset.kind = already ? 'already' : 'new';
  $('result-title').textContent = title;
  $('result-count').textContent = already ? `Nothing was changed. ${total}.` : `${total}.`;
  $('result-crop').src = sample.url;
  $('another').textContent = `Add another photo of ${name}`;
  say(already ? `${title}. Nothing was changed.` : `${title}.`, 'done');
  $('result-title').focus({ preventScroll: true });
  $('result').scrollIntoView({ block: 'nearest' });
}

function refused(problem) {
  enter('refused');
  const faces = problem.faces.map((face) => ({ box: face.box, kind: 'refused' }));
  if (faces.length) stage.mark(faces, problem.image ?? picture);
  const aboutName = problem.code === 'invalid_name';
  say(aboutName ? '' : problem.message, 'refused');
  nameError(aboutName ? problem.message : '');
  $(aboutName ? 'name' : 'submit').focus({ preventScroll: true });
}

// --- the question ---

function question(problem, name, allowed) {
  const answers = {
    add: () => {
      $('name').value = problem.subject.name;
      goOn({});
    },
    duplicate: () => goOn({ ...allowed, allow_duplicate: true }),
    mismatch: () => goOn({ ...allowed, allow_mismatch: true }),
    back: backToName,
  };
  enter('asked');
  say('');
  ask(problem, name, (answer) => answers[answer]());
  showBoth(problem);
}

// The button that was pressed is gone; the keyboard goes on from the form.
function goOn(allowed) {
  send(allowed);
  $('submit').focus({ preventScroll: true });
}

function backToName() {
  enter('photo');
  stage.marks.clear();
  $('name').focus();
  $('name').select();
}

function showBoth({ image, faces: [face] }) {
  stage.mark([{ box: face.box, kind: 'uncertain' }], image);
  showNewFace(picture, face.box, image);
}

// --- what is said and what can be done ---

function enter(state) {
  stage.state = state;
  const [live, sending, asked, done] = ['camera', 'sending', 'asked', 'done'].map((one) => one === state);
  $('shutter').hidden = !live;
  $('shutter').disabled = true;
  $('flip').hidden = true;
  $('retake').hidden = live || state === 'no-camera';
  $('retake').disabled = sending;
  $('retake-text').textContent = done ? 'New photo' : origin === 'camera' ? 'Retake' : 'Camera';
  $('submit').setAttribute('aria-disabled', String(sending));
  $('submit-text').textContent = sending ? 'Registering' : 'Register';
  $('form').hidden = done || asked;
  $('choice').hidden = !asked;
  $('result').hidden = !done;
  $('tips').hidden = state !== 'camera' && state !== 'no-camera';
  for (const button of document.querySelectorAll('[data-choose]')) button.disabled = sending;
}

function say(text, kind = '') {
  $('message').dataset.kind = kind;
  $('message').textContent = text;
}

function nameError(text) {
  $('name-error').textContent = text;
  $('name').setAttribute('aria-invalid', String(Boolean(text)));
}

$('shutter').addEventListener('click', shoot);
for (const id of ['retake', 'retry', 'another']) $(id).addEventListener('click', backToCamera);
$('someone-else').addEventListener('click', () => {
  $('name').value = '';
  backToCamera();
});
$('flip').addEventListener('click', async () => {
  try {
    if (await camera.flip()) live();
  } catch (trouble) {
    noCamera(trouble);
  }
});
$('name').addEventListener('input', () => nameError(''));
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (stage.state !== 'sending') send();
});
takePhotos($('file'), stage.root, (file) => showPhoto(file, 'photo'));

// A camera that nobody looks at is switched off.
document.addEventListener('visibilitychange', () => {
  if (stage.state !== 'camera') return;
  if (document.hidden) camera.stop();
  else toCamera();
});

toCamera();
