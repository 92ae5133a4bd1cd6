// Register: photos of one person, by the coach, the shutter or from files; then a name, and the server's answers.

import { Agreement } from './agreement.js';
import { Camera, toJpeg } from './camera.js';
import { fillMenu } from './cameras.js';
import { Checks, judge } from './checks.js';
import { Choice } from './choice.js';
import { largest } from './coach.js';
import { enrol } from './enrol.js';
import { Guide } from './guide.js';
import { facesOf, Live } from './live.js';
import { NameField } from './naming.js';
import { takePhotos } from './photo.js';
import { Picker } from './picker.js';
import { Result } from './result.js';
import { Stage } from './stage.js';
import { t } from './texts.js';
import { Tray } from './tray.js';

const QUALITY = 0.92; // of the JPEG of a frame that is kept
const PRESSED = 50; // ms until it is looked at again whether a button still is

const $ = (id) => document.getElementById(id);
const stage = new Stage();
const camera = new Camera(stage.video, (trouble) => noCamera(trouble));
const live = new Live(camera, { look: facesOf, longest: Infinity, onAnswer: looked, onProblem: cannotLook });
const picker = new Picker($('picks'));
const tray = new Tray($('tray'), { onShow: showPhoto, onRemove: removed });
const guide = new Guide(tray);
const checks = new Checks(checked);
const name = new NameField($('name-field'));
const choice = new Choice($('choice'));
const agreement = new Agreement($('form'));
const result = new Result($('result'));
let shown = null; // the item on the stage, while it is no camera

// --- the camera and its guide ---

async function toCamera() {
  shown = null;
  tray.light(null);
  picker.clear();
  stage.clear();
  enter('camera');
  say('');
  try {
    if (await camera.start()) await running();
  } catch (trouble) {
    noCamera(trouble);
  }
}

// The button that led here is gone; the keyboard goes on from the shutter.
async function backToCamera() {
  await toCamera();
  $('shutter').focus({ preventScroll: true });
}

async function running() {
  stage.showCamera(camera.size, camera.mirrored);
  $('flip').hidden = !camera.several;
  $('shutter').disabled = false;
  guide.begin(camera.size, camera.mirrored);
  live.start();
  await fillMenu($('cameras'), camera);
  if (stage.state !== 'camera') $('camera-menu').hidden = true; // A photo came meanwhile.
}

function noCamera(trouble) {
  live.stop();
  stage.clear();
  enter('no-camera');
  stage.notice(trouble.message, Boolean(navigator.mediaDevices));
}

function looked(answer, frame) {
  if ($('message').dataset.kind === 'waiting') say('');
  stage.root.dataset.frames = Number(stage.root.dataset.frames) + 1;
  const { crowd, take } = guide.see(frame, answer, camera.mirrored);
  stage.mark(crowd ? answer.faces.map(({ box }) => ({ box, kind: 'refused' })) : [], answer.image, camera.mirrored);
  if (!take) return;
  const { step, frame: { canvas, faces, size } } = take;
  keep(canvas, { step, faces, size });
  if (guide.finished) finished();
}

// The coach is through, or the person says that it is enough.
function finished() {
  live.stop();
  stage.marks.clear();
  guide.done(camera.mirrored);
  if (document.activeElement === document.body || document.activeElement === $('use-these')) (name.value ? $('submit') : name).focus({ preventScroll: true });
}

function cannotLook(problem) {
  stage.marks.clear();
  guide.rest(camera.size, camera.mirrored);
  say(problem.saidMeanwhile, 'waiting');
}

// --- taking ---

// The frame that was judged is the one that is kept, as large as the camera gave it, and never mirrored.
function keep(frame, { step, faces, size }) {
  flash();
  const item = tray.add({ origin: 'camera', step, picture: asPicture(frame), faces, size });
  checks.make(item, toJpeg(frame, QUALITY));
  judge(item, faces.indexOf(largest(faces)));
  tray.draw(item);
  gathered();
}

function shoot() {
  const frame = camera.frame();
  if (!frame) return;
  flash();
  const item = tray.add({ origin: 'camera', picture: asPicture(frame) });
  gathered();
  checks.make(item, toJpeg(frame, QUALITY));
  checks.add(item);
}

function asPicture(canvas) {
  return { image: canvas, width: canvas.width, height: canvas.height };
}

function flash() {
  stage.root.removeAttribute('data-flash');
  requestAnimationFrame(() => stage.root.toggleAttribute('data-flash', true));
}

// --- photos ---

function choosePhotos(files) {
  if (['sending', 'asked'].includes(stage.state)) return;
  if (stage.state === 'done') afresh();
  const items = files.map((photo) => tray.add({ origin: 'photo', photo }));
  items.forEach((item) => checks.add(item));
  gathered();
  showPhoto(items[0]);
  (name.value ? $('submit') : name).focus();
}

function showPhoto(item) {
  live.stop();
  camera.stop();
  shown = item;
  tray.light(item);
  if (!['sending', 'asked', 'done'].includes(stage.state)) {
    enter('photo');
    say('');
  }
  drawShown();
}

function drawShown() {
  stage.showPicture(shown.picture ?? { image: null, file: shown.photo, width: 4, height: 3 });
  stage.marks.clear();
  picker.clear();
  if (!shown.faces.length) return;
  const several = shown.faces.length > 1;
  const open = ['photo', 'refused'].includes(stage.state);
  if (several && open) {
    stage.mark([], shown.size);
    picker.show(shown.faces, shown.size, shown.chosen, pick);
  } else if (shown.state === 'bad') stage.mark(shown.faces.map(({ box }) => ({ box, kind: 'refused' })), shown.size);
}

function pick(index) {
  judge(shown, index);
  tray.draw(shown);
  say(shown.reason, shown.reason ? 'refused' : '');
}

// What is said moves what is below it: not while a button is pressed, for the press would miss it.
function checked(item) {
  if (document.querySelector('button:active')) {
    setTimeout(checked, PRESSED, item);
    return;
  }
  tray.draw(item);
  if (item.removed) return;
  if (item === shown && stage.state === 'photo') drawShown();
  if (['bad', 'choose'].includes(item.state) && ['camera', 'photo'].includes(stage.state)) say(item.reason, 'refused');
}

function removed(item) {
  gathered();
  say('');
  if (item.step) {
    guide.reopen(item.step);
    if (stage.state === 'camera' && guide.coaching && !live.running) live.start();
  }
  if (stage.state === 'camera') {
    if (!tray.items.length) $('shutter').focus({ preventScroll: true });
  } else if (!tray.items.length || item === shown) backToCamera();
}

function gathered() {
  $('gathered').hidden = !tray.items.length;
  $('tips').hidden = tray.items.length > 0 || !['camera', 'no-camera'].includes(stage.state);
}

// --- sending ---

async function send() {
  if (!name.value) return name.complain(t('naming.name_first'));
  if (!tray.items.length) return say(t('register.photo_first'), 'notice');
  if (!agreement.given()) return undefined;
  live.stop();
  camera.stop();
  sending();
  await checks.all;
  const items = tray.items.filter(({ state }) => state === 'good');
  if (!items.length) return nothingToSend();
  const outcome = await enrol(name.value, items, {
    ask,
    also: agreement.also,
    onStart: (index) => starts(items, index),
    onResult: (index, one) => ends(items[index], one),
  });
  answered(items, outcome);
}

function sending() {
  enter('sending');
  stage.marks.clear();
  picker.clear();
  say(t('register.looking'), 'busy');
}

function starts(items, index) {
  const item = items[index];
  item.state = 'sending';
  tray.draw(item);
  shown = item;
  tray.light(item);
  drawShown();
  if (items.length > 1) $('submit-text').textContent = t('register.progress', { n: items.length, number: index + 1 });
}

function ends(item, one) {
  item.state = one.state;
  item.reason = one.state === 'refused' ? one.problem.said : '';
  tray.draw(item);
}

function nothingToSend() {
  const item = tray.items.at(-1);
  enter('refused');
  shown = item;
  tray.light(item);
  drawShown();
  say(item.reason, 'refused');
  if (item.state === 'choose') picker.layer.querySelector('button')?.focus({ preventScroll: true });
  else $('submit').focus({ preventScroll: true });
}

async function ask(problem, written, item) {
  enter('asked');
  say('');
  const [face] = problem.faces;
  if (face) stage.mark([{ box: face.box, kind: 'uncertain' }], problem.image);
  const answer = await choice.ask(problem, written, item.picture);
  if (answer === 'back') return answer;
  if (answer === 'add') name.value = problem.subject.name;
  sending();
  $('submit').focus({ preventScroll: true }); // The button that was pressed is gone.
  return answer;
}

function answered(items, { results, subject, stopped }) {
  for (const item of items) {
    if (item.state === 'sending') item.state = 'good'; // It may be sent again.
    tray.draw(item);
  }
  if (stopped === 'back') backToName();
  else if (stopped) refused(stopped);
  else if (subject) done(items, results, subject);
  else refused(results.at(-1).problem);
}

function done(items, results, subject) {
  const last = results.findLastIndex(({ state }) => state === 'kept' || state === 'already');
  enter('done');
  shown = items[last];
  tray.light(shown);
  drawShown();
  stage.mark([{ box: results[last].face.box, kind: 'enrolled', label: subject.name }], results[last].image);
  say(result.show({ subject, results, left: tray.items.length - items.length, crop: results[last].sample.url }), 'done');
}

function refused(problem) {
  enter('refused');
  const faces = problem.faces.map(({ box }) => ({ box, kind: 'refused' }));
  if (faces.length) stage.mark(faces, problem.image ?? shown.size);
  const aboutName = problem.code === 'invalid_name';
  say(aboutName ? '' : problem.said, 'refused');
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
  const [inView, sends, asked, done] = ['camera', 'sending', 'asked', 'done'].map((one) => one === state);
  for (const id of ['shutter', 'auto', 'hint']) $(id).hidden = !inView;
  $('shutter').disabled = true;
  $('flip').hidden = $('camera-menu').hidden = true;
  guide.leave();
  $('to-camera').hidden = inView || done || state === 'no-camera';
  $('to-camera').disabled = sends;
  $('submit').setAttribute('aria-disabled', String(sends));
  $('submit-text').textContent = t(sends ? 'register.registering' : 'register.register');
  name.disabled = sends;
  tray.locked = sends || asked || done;
  $('form').hidden = done || asked;
  $('choice').hidden = !asked;
  $('result').hidden = !done;
  gathered();
  for (const button of document.querySelectorAll('[data-choose]')) button.disabled = sends;
}

// For another round: nothing of the last one is left but, where it is to stay, the name.
function afresh(keptName = '') {
  tray.clear();
  guide.afresh();
  name.value = keptName;
  if (!keptName) agreement.clear();
  enter('camera');
}

function say(text, kind = '') {
  if ($('message').textContent === text && $('message').dataset.kind === kind) return;
  $('message').dataset.kind = kind;
  $('message').textContent = text;
}

$('shutter').addEventListener('click', shoot);
for (const id of ['to-camera', 'retry']) $(id).addEventListener('click', backToCamera);
$('another').addEventListener('click', () => {
  afresh(result.name);
  backToCamera();
});
$('someone-else').addEventListener('click', () => {
  afresh();
  backToCamera();
});
$('auto').addEventListener('click', () => {
  guide.toggle();
  if (!live.running) live.start();
});
$('use-these').addEventListener('click', finished);
for (const [event, element, turn] of [['click', $('flip'), () => camera.flip()], ['change', $('cameras'), () => camera.choose($('cameras').value)]]) {
  element.addEventListener(event, async () => {
    live.stop();
    stage.marks.clear();
    try {
      if (await turn()) await running();
    } catch (trouble) {
      noCamera(trouble);
    }
  });
}
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (stage.state !== 'sending') send();
});
takePhotos($('file'), stage.root, choosePhotos);

// A camera that nobody looks at is switched off.
document.addEventListener('visibilitychange', () => {
  if (stage.state !== 'camera') return;
  live.stop();
  if (document.hidden) camera.stop();
  else toCamera();
});

// From a person's page; what was typed before this script ran stays.
name.value ||= new URLSearchParams(location.search).get('name') ?? '';
toCamera();
