// Recognise: names over the running camera, or over photos with a list of their faces; a tap on a face says why.

import { Adopt } from './adopt.js';
import { Camera } from './camera.js';
import { clearFaces, listFaces, listNames } from './faces.js';
import { Looking } from './looking.js';
import { takePhotos } from './photo.js';
import { Photos } from './photos.js';
import { Stage } from './stage.js';
import { number, t } from './texts.js';
import { Why } from './why.js';
import { aloud, basisInWords, leftToRight, nameOf, spokenNames, whoIsInThePhoto, whoIsThere } from './words.js';

const STEADY = 3; // Answers that must agree before they are read aloud: a flicker is no news.

const $ = (id) => document.getElementById(id);
const stage = new Stage();
const camera = new Camera(stage.video, (trouble) => noCamera(trouble));
const looking = new Looking(camera, { sights: liveSights, pace: showPace, problem: liveProblem });
const photos = new Photos($('photos'), showItem);
const why = new Why($('why'), { register, closed: whyClosed });
const adopt = new Adopt($('adopt'), adopted);
const on = { pick, register, light: (id, lit) => stage.marks.light(id, lit) };
let sights = []; // what is shown: of faces.js
let paused = false;
let heldForWhy = false; // The live view stands only because a face was tapped.
let steady = { who: '', times: 0 };

// --- the camera ---

async function toCamera() {
  photos.leave();
  stage.clear();
  enter('camera');
  paused = heldForWhy = false;
  summary(t('recognise.looking'));
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
  toggleDoes('pause');
  looking.start();
}

function noCamera(trouble) {
  looking.stop();
  stage.clear();
  enter('no-camera');
  summary(t('recognise.waiting_for_photo'));
  stage.notice(trouble.message, Boolean(navigator.mediaDevices));
}

// Paused, the camera is off, and the last answered frame stays with its faces.
function pause() {
  paused = true;
  looking.stop();
  if (looking.frame) stage.picture.replaceChildren(looking.frame);
  stage.picture.toggleAttribute('data-mirrored', camera.mirrored);
  camera.stop();
  stage.root.toggleAttribute('data-live', false);
  stage.pill(t('recognise.paused'));
  toggleDoes('resume');
  $('pace').textContent = '';
}

function liveSights(seen, answer) {
  const mirrored = camera.mirrored;
  say('');
  show(leftToRight(seen, mirrored), answer.image, mirrored);
  const known = sights.filter(({ face }) => face);
  const faces = known.map(({ face }) => face);
  const unsure = known.length < sights.length;
  summary(faces.length || !unsure ? whoIsThere(faces) : t('recognise.looking'));
  listNames($('faces'), headingSaysAll(faces) ? [] : known, on);
  if (answer.gallery) basis(basisInWords(answer)); // Else nobody was compared.
  stage.root.dataset.frames = Number(stage.root.dataset.frames) + 1;
  if (!unsure) announceSteady(aloud(whoIsThere(faces), faces));
}

function headingSaysAll(faces) {
  return faces.length < 2 && faces.every((face) => face.decision === 'match');
}

function liveProblem(problem) {
  show([], looking.frame ?? camera.size);
  clearFaces($('faces'));
  summary(t('recognise.waiting'));
  say(problem.saidMeanwhile, 'refused');
  $('pace').textContent = '';
}

function announceSteady(who) {
  steady = steady.who === who ? { who, times: steady.times + 1 } : { who, times: 1 };
  if (steady.times === STEADY && $('announce').textContent !== who) $('announce').textContent = who;
}

function showPace({ fps, delay }) {
  $('pace').textContent = t('recognise.pace', { fps: number(fps, { maximumFractionDigits: 1, minimumFractionDigits: 1 }), delay: Math.round(delay) });
}

// --- photos ---

function showPhotos(files) {
  looking.stop();
  camera.stop();
  stage.clear();
  enter('sending');
  summary(t('recognise.looking_at_photo'));
  photos.take(files);
}

function showItem({ picture, answer, problem }) {
  if (picture) stage.showPicture(picture);
  if (problem) return photoProblem(problem, picture);
  enter(answer ? 'done' : 'sending');
  summary(answer ? whoIsInThePhoto(answer.faces) : t('recognise.looking_at_photo'));
  if (answer) photoAnswer(answer, picture);
}

function photoAnswer(answer, picture) {
  const { image } = answer;
  show(leftToRight(answer.faces).map((face, id) => ({ id, box: face.box, face, picture, image, answer })), image);
  const faces = sights.map(({ face }) => face);
  summary(whoIsInThePhoto(faces));
  $('announce').textContent = aloud($('summary').textContent, faces);
  basis(basisInWords(answer));
  listFaces($('faces'), sights, on);
}

function photoProblem(problem, picture) {
  enter('refused');
  const faces = problem.faces.map((face) => ({ box: face.box, kind: 'refused' }));
  if (faces.length) stage.mark(faces, problem.image ?? picture);
  summary(t(problem.code === 'no_face' ? 'recognise.nobody_in_photo' : 'recognise.not_this_photo'));
  say(problem.said, 'refused');
}

// --- one face: why, and who it is ---

function pick(id, opener = stage.marks.boxOf(id)) {
  const sight = sights.find((one) => one.id === id);
  if (!sight?.face) return;
  holdForWhy();
  why.show(sight, opener);
}

function register(id) {
  const sight = sights.find((one) => one.id === id);
  if (!sight?.face) return;
  holdForWhy();
  adopt.ask(sight);
}

function holdForWhy() {
  if (!looking.running) return;
  pause();
  heldForWhy = true;
}

function whyClosed(opener) {
  if (heldForWhy) return backToCamera();
  opener?.focus({ preventScroll: true });
}

async function adopted() {
  why.hide();
  if (stage.state === 'camera') return backToCamera();
  await photos.again();
  stage.marks.boxOf(0)?.focus({ preventScroll: true });
}

// --- what is shown and what can be done ---

function show(seen, image, mirrored = false) {
  sights = seen;
  const spoken = spokenNames(seen.map(({ face }) => face));
  const names = seen.map(({ face }) => (face ? nameOf(face) : '…'));
  stage.mark(seen.map(({ id, box, face }, index) => ({ id, box, kind: face?.decision ?? 'looking', label: names[index], spoken: spoken[index] })), image, mirrored);
  stage.root.dataset.names = JSON.stringify(names);
}

function enter(state) {
  stage.state = state;
  stage.picture.removeAttribute('data-mirrored');
  $('live-toggle').hidden = state !== 'camera';
  $('live-toggle').disabled = true;
  $('flip').hidden = true;
  $('to-camera').hidden = state === 'camera' || state === 'no-camera';
  $('pace').textContent = '';
  basis('');
  sights = [];
  stage.marks.clear();
  stage.root.dataset.names = '[]';
  clearFaces($('faces'));
  why.hide();
  say('');
}

function toggleDoes(what) {
  $('live-toggle').dataset.does = what;
  $('live-toggle-text').textContent = t(`recognise.${what}`);
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

stage.marks.layer.removeAttribute('aria-hidden'); // Here the boxes are buttons.
stage.marks.layer.role = 'group';
stage.marks.layer.setAttribute('aria-label', t('recognise.faces'));
stage.marks.onPick = ({ id }) => pick(id);
$('live-toggle').addEventListener('click', () => (paused ? backToCamera() : pause()));
for (const id of ['to-camera', 'retry']) $(id).addEventListener('click', backToCamera);
$('flip').addEventListener('click', async () => {
  looking.stop();
  stage.marks.clear();
  try {
    if (await camera.flip()) watch();
  } catch (trouble) {
    noCamera(trouble);
  }
});
$('file').multiple = true;
takePhotos($('file'), stage.root, showPhotos);

// A camera that nobody looks at is switched off.
document.addEventListener('visibilitychange', () => {
  if (stage.state !== 'camera' || paused) return;
  if (document.hidden) {
    looking.stop();
    camera.stop();
  } else toCamera();
});
window.addEventListener('pagehide', () => looking.stop());

toCamera();
