// Register: a photo, a name, and the server's answer drawn on the photo.

import { Camera, toJpeg } from './camera.js';
import { Choice } from './choice.js';
import { enrol } from './enrol.js';
import { NameField } from './naming.js';
import { closePicture, openPicture, takePhotos } from './photo.js';
import { Stage } from './stage.js';
import { t } from './texts.js';
import { count, inSentence } from './words.js';

const $ = (id) => document.getElementById(id);
const stage = new Stage();
const camera = new Camera(stage.video, (trouble) => noCamera(trouble));
const name = new NameField($('name-field'));
const choice = new Choice($('choice'));
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
  (name.value ? $('submit') : name).focus();
}

// --- the answer ---

async function send() {
  name.complain(name.value ? '' : t('naming.name_first'));
  if (!name.value) return;
  if (!picture) return say('Take or choose a photo first.', 'notice');
  sending();
  const { results: [result], stopped } = await enrol(name.value, [{ photo: picture.file, origin, near: null }], { ask });
  if (stopped === 'back') backToName();
  else if (stopped || result.state === 'refused') refused(stopped ?? result.problem);
  else accepted(result);
}

function sending() {
  enter('sending');
  stage.marks.clear();
  say('Looking at the photo…', 'busy');
}

async function ask(problem, written) {
  enter('asked');
  say('');
  stage.mark([{ box: problem.faces[0].box, kind: 'uncertain' }], problem.image);
  const answer = await choice.ask(problem, written, picture);
  if (answer === 'back') return answer;
  if (answer === 'add') name.value = problem.subject.name;
  sending();
  $('submit').focus({ preventScroll: true }); // The button that was pressed is gone.
  return answer;
}

function accepted({ state, subject, sample, face, image }) {
  const already = state === 'already';
  enter('done');
  stage.mark([{ box: face.box, kind: 'enrolled', label: subject.name }], image);
  const who = inSentence(subject.name);
  const title = already ? `${who} is here already, with this very photo` : `${who} is registered`;
  const total = `${count(subject.samples, 'photo', 'photos')} stored`;
  $('result').dataset.kind = already ? 'already' : 'new';
  $('result-title').textContent = title;
  $('result-count').textContent = already ? `Nothing was changed. ${total}.` : `${total}.`;
  $('result-crop').src = sample.url;
  $('another').textContent = `Add another photo of ${who}`;
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
  if (aboutName) name.complain(problem.said);
  else $('submit').focus({ preventScroll: true });
}

function backToName() {
  enter('photo');
  stage.marks.clear();
  name.focus();
  name.select();
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
  $('result').hidden = !done;
  $('tips').hidden = state !== 'camera' && state !== 'no-camera';
  for (const button of document.querySelectorAll('[data-choose]')) button.disabled = sending;
}

function say(text, kind = '') {
  $('message').dataset.kind = kind;
  $('message').textContent = text;
}

$('shutter').addEventListener('click', shoot);
for (const id of ['retake', 'retry', 'another']) $(id).addEventListener('click', backToCamera);
$('someone-else').addEventListener('click', () => {
  name.value = '';
  backToCamera();
});
$('flip').addEventListener('click', async () => {
  try {
    if (await camera.flip()) live();
  } catch (trouble) {
    noCamera(trouble);
  }
});
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (stage.state !== 'sending') send();
});
takePhotos($('file'), stage.root, ([file]) => showPhoto(file, 'photo'));

// A camera that nobody looks at is switched off.
document.addEventListener('visibilitychange', () => {
  if (stage.state !== 'camera') return;
  if (document.hidden) camera.stop();
  else toCamera();
});

toCamera();
