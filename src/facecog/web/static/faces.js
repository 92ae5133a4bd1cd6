// The list under a recognised photo: each face with its crop, name, score and, when unknown, what to do next.

import { nameOf, scoreInWords } from './words.js';

const CROP = 56;
const MARGIN = 0.25; // Around the box, so that a crop shows a head and not a mask.

/** picture: of photo.js; image: the size in which the boxes count; light(index, on): shows which box a row is about. */
export function listFaces(list, faces, { picture, image, registerUrl, light }) {
  list.replaceChildren(...faces.map((face, index) => {
    const row = element('li', 'face');
    row.dataset.kind = face.decision;
    row.dataset.testid = 'face';
    if (picture.image) row.append(crop(face.box, picture, image));
    row.append(says(face, registerUrl));
    for (const [event, on] of [['pointerenter', true], ['pointerleave', false], ['focusin', true], ['focusout', false]]) {
      row.addEventListener(event, () => light(index, on));
    }
    return row;
  }));
}

/** While the camera runs: names only, and untouched as long as they stay the same. */
export function listNames(list, faces) {
  const names = faces.map(nameOf);
  const shown = JSON.stringify(names);
  if (list.dataset.names === shown) return;
  list.dataset.names = shown;
  list.replaceChildren(...faces.map((face, index) => {
    const row = element('li', 'face face-live');
    row.dataset.kind = face.decision;
    row.append(nameElement(names[index]));
    return row;
  }));
}

export function clearFaces(list) {
  delete list.dataset.names;
  list.replaceChildren();
}

function says(face, registerUrl) {
  const text = element('div', 'face-text');
  text.append(nameElement(nameOf(face)), bar(face), element('p', 'face-score', scoreInWords(face)));
  if (face.decision === 'match') return text;
  const [poor] = face.quality?.ok === false ? face.quality.reasons : [];
  if (poor) text.append(element('p', 'face-score', poor.message));
  const link = element('a', 'face-link', 'Register this person');
  link.href = registerUrl;
  text.append(link);
  return text;
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
  need.style.left = `${threshold * 100}%`;
  track.setAttribute('aria-hidden', 'true');
  track.append(fill, need);
  return track;
}

function crop(box, picture, image) {
  const canvas = element('canvas', 'face-crop');
  canvas.setAttribute('aria-hidden', 'true');
  canvas.width = canvas.height = CROP * 2; // Sharp on screens of two pixels a point.
  const scale = picture.width / image.width;
  const side = Math.max(box.width, box.height) * (1 + 2 * MARGIN);
  const x = box.x + (box.width - side) / 2;
  const y = box.y + (box.height - side) / 2;
  canvas.getContext('2d').drawImage(picture.image, x * scale, y * scale, side * scale, side * scale, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
