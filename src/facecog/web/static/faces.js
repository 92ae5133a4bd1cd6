// The list under a recognised photo: each face with its crop, name, score and, without a name, why and what to do next.

import { cropFace } from './photo.js';
import { nameOf, scoreInWords, whyNotSure } from './words.js';

const CROP = 56;
const MARGIN = 0.25; // Around the box, so that a crop shows a head and not a mask.

/** picture: of photo.js; image: the size in which the boxes count; light(index, on): shows which box a row is about. */
export function listFaces(list, faces, { picture, image, registerUrl, light }) {
  list.replaceChildren(...faces.map((face, index) => {
    const row = element('li', 'face');
    row.dataset.kind = face.decision;
    row.dataset.testid = 'face';
    row.append(...crop(face.box, picture, image), says(face, registerUrl));
    for (const [event, on] of [['pointerenter', true], ['pointerleave', false], ['focusin', true], ['focusout', false]]) {
      row.addEventListener(event, () => light(index, on));
    }
    return row;
  }));
}

/** While the camera runs: names and doubts only, and untouched as long as they stay the same. */
export function listNames(list, faces) {
  const shown = JSON.stringify(faces.map((face) => [nameOf(face), whyNotSure(face)]));
  if (list.dataset.names === shown) return;
  list.dataset.names = shown;
  list.replaceChildren(...faces.map((face) => {
    const row = element('li', 'face face-live');
    const text = element('div', 'face-text');
    row.dataset.kind = face.decision;
    text.append(nameElement(nameOf(face)), ...why(face));
    row.append(text);
    return row;
  }));
}

export function clearFaces(list) {
  delete list.dataset.names;
  list.replaceChildren();
}

function says(face, registerUrl) {
  const text = element('div', 'face-text');
  text.append(nameElement(nameOf(face)), ...why(face), bar(face), element('p', 'face-score', scoreInWords(face)));
  if (face.decision === 'unknown') text.append(registerLink(registerUrl));
  return text;
}

function why(face) {
  const reason = whyNotSure(face);
  return reason ? [element('p', 'face-why', reason)] : [];
}

function registerLink(url) {
  const link = element('a', 'face-link', 'Register this person');
  link.href = url;
  return link;
}

function nameElement(name) {
  const strong = element('strong', 'face-name', name);
  strong.dir = 'auto';
  strong.title = name;
  return strong;
}

// Says nothing that the words beside it do not say, so it is kept from screen readers.
function bar({ score, threshold }) {
  const track = element('div', 'bar');
  const fill = element('div', 'bar-fill');
  const need = element('div', 'bar-need');
  fill.style.width = `${Math.max(0, Math.min(1, score ?? 0)) * 100}%`;
  need.style.left = `${Math.min(1, threshold) * 100}%`;
  track.setAttribute('aria-hidden', 'true');
  track.append(fill, need);
  return track;
}

function crop(box, picture, image) {
  const canvas = cropFace(picture, box, image, CROP, MARGIN);
  if (!canvas) return [];
  canvas.className = 'face-crop';
  canvas.setAttribute('aria-hidden', 'true');
  return [canvas];
}

function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
