// Recognise: names over the running camera, or over a photo with a list of its faces.

import { Problem, recognise } from './api.js';
import { Camera } from './camera.js';
import { clearFaces, listFaces, listNames } from './faces.js';
import { Live } from './live.js';
import { closePicture, openPicture, takePhotos } from './photo.js';
import { Stage } from './stage.js';
import { aloud, basisInWords, leftToRight, nameOf, whoIsInThePhoto, whoIsThere } from './words.js';

const STEADY = 2; // Answers that must agree before they are read aloud: a flicker is no news.

const $ = (id) => document.getElementById(id);
const stage = new Stage();
const camera = new Camera(stage.video, (trouble) => noCamera(trouble));
const live = new Live(camera, { onAnswer: liveAnswer, onProblem: liveProblem });
let picture = null;
let latest = null; // The file chosen last: a large one may open after its successor.
let asking = null;
let paused = false;
let lastFrame = null;
let steady = { who: '', times: 0 };

// --- the camera ---

async function toCamera() {
  latest = null;
  leavePhoto();
  stage.clear();
  enter('camera');
  paused = false;
  lastFrame = null;
  summary('Looking');
  try {
    if (await camera.start()) watch();
  } catch (trouble) {
    noCamera(trouble);
  }
}

// The button that led here is gone; the keyboard goes on from pause.
async function backToCamera() {
  await toCamera();
  $('live-toggle').focus({ preventScroll: true });
}

function watch() {
  stage.showCamera(camera.size, camera.mirrored);
  $('flip').hidden = !camera.several;
  $('live-toggle').disabled = false;
  toggleSays('Pause');
  live.start();
}

function noCamera(trouble) {
  live.stop();
  stage.clear();
  enter('no-camera');
  summary('Waiting for a photo');
  stage.notice(trouble.message, Boolean(navigator.mediaDevices));
}

// Paused, the camera is off, and the last answered frame stays with its boxes.
function pause() {
  paused = true;
  live.stop();
  if (lastFrame) stage.picture.replaceChildren(lastFrame);
  stage.picture.toggleAttribute('data-mirrored', camera.mirrored);
  camera.stop();
  stage.root.toggleAttribute('data-live', false);
  stage.pill('Paused');
  toggleSays('Resume');
}

function liveAnswer(answer, frame) {
  lastFrame = frame;
  say('');
  answer.faces = leftToRight(answer.faces, camera.mirrored);
  show(answer, camera.mirrored);
  summary(whoIsThere(answer.faces));
  listNames($('faces'), headingSaysAll(answer.faces) ? [] : answer.faces);
  if (answer.gallery) basis(basisInWords(answer)); // Else nobody was compared.
  stage.root.dataset.frames = Number(stage.root.dataset.frames) + 1;
  announceSteady(aloud(whoIsThere(answer.faces), answer.faces));
}

function headingSaysAll(faces) {
  return faces.length < 2 && faces.every((face) => face.decision !== 'uncertain');
}

function liveProblem(problem) {
  stage.marks.clear();
  clearFaces($('faces'));
  summary('Waiting');
  say(problem.passing ? `${problem.message} This page keeps trying.` : problem.message, 'refused');
}

function announceSteady(who) {
  steady = steady.who === who ? { who, times: steady.times + 1 } : { who, times: 1 };
  if (steady.times === STEADY) $('announce').textContent = who;
}

// --- the photo ---

async function showPhoto(file) {
  latest = file;
  const next = await openPicture(file);
  if (latest !== file) return closePicture(next);
  live.stop();
  camera.stop();
  leavePhoto();
  picture = next;
  stage.showPicture(picture);
  enter('sending');
  summary('Looking at the photo');
  asking = new AbortController();
  const { signal } = asking;
  try {
    photoAnswer(await recognise(file, signal));
  } catch (problem) {
    if (signal.aborted) return; // Another photo, or the camera, came first.
    if (!(problem instanceof Problem)) throw problem;
    photoProblem(problem);
  }
}

function photoAnswer(answer) {
  enter('done');
  answer.faces = leftToRight(answer.faces);
  show(answer);
  summary(whoIsInThePhoto(answer.faces));
  $('announce').textContent = aloud($('summary').textContent, answer.faces);
  basis(basisInWords(answer));
  listFaces($('faces'), answer.faces, {
    picture,
    image: answer.image,
    registerUrl: $('work').dataset.register,
    light: (index, on) => stage.marks.light(index, on),
  });
}

function photoProblem(problem) {
  enter('refused');
  const faces = problem.faces.map((face) => ({ box: face.box, kind: 'refused' }));
  if (faces.length) stage.mark(faces, problem.image ?? picture);
  summary(problem.code === 'no_face' ? 'Nobody in the photo' : 'Not this photo');
  say(problem.message, 'refused');
}

function leavePhoto() {
  asking?.abort();
  closePicture(picture);
  picture = null;
}

// --- what is shown and what can be done ---

function show({ faces, image }, mirrored = false) {
  stage.mark(faces.map((face) => ({ box: face.box, kind: face.decision, label: nameOf(face) })), image, mirrored);
  stage.root.dataset.names = JSON.stringify(faces.map(nameOf));
}

function enter(state) {
  stage.state = state;
  stage.picture.removeAttribute('data-mirrored');
  $('live-toggle').hidden = state !== 'camera';
  $('live-toggle').disabled = true;
  $('flip').hidden = true;
  $('to-camera').hidden = state === 'camera' || state === 'no-camera';
  basis('');
  stage.root.dataset.names = '[]';
  clearFaces($('faces'));
  say('');
}

function toggleSays(text) {
  $('live-toggle').dataset.does = text.toLowerCase();
  $('live-toggle-text').textContent = text;
}

function summary(text) {
  if ($('summary').textContent !== text) $('summary').textContent = text;
}

function basis(text) {
  if ($('basis').textContent !== text) $('basis').textContent = text;
}

function say(text, kind = '') {
  const message = $('message');
  message.dataset.kind = kind;
  if (message.textContent !== text) message.textContent = text; // Said once, not with every frame.
}

$('live-toggle').addEventListener('click', () => (paused ? backToCamera() : pause()));
for (const id of ['to-camera', 'retry']) $(id).addEventListener('click', backToCamera);
$('flip').addEventListener('click', async () => {
  live.stop();
  stage.marks.clear();
  try {
    if (await camera.flip()) watch();
  } catch (trouble) {
    noCamera(trouble);
  }
});
takePhotos($('file'), stage.root, showPhoto);

// A camera that nobody looks at is switched off.
document.addEventListener('visibilitychange', () => {
  if (stage.state !== 'camera' || paused) return;
  if (document.hidden) {
    live.stop();
    camera.stop();
  } else toCamera();
});

toCamera();
