// The list under the picture: each face with its crop, name, score and, without a name, why and what to do next.
//
// A sight is one face as the page shows it: {id, box, face, picture, image, answer}; face is what the server says of it, or
// null as long as that is not sure; picture (of photo.js) is what it is cut from, and boxes count in pixels of image.

import { button, element } from './elements.js';
import { cropFace } from './photo.js';
import { may } from './rights.js';
import { t } from './texts.js';
import { nameOf, scoreInWords, whyNotSure } from './words.js';

const CROP = 56;
const MARGIN = 0.25; // Around the box, so that a crop shows a head and not a mask.

/** on: {pick(sight), register(sight), light(sight, on)}. */
export function listFaces(list, sights, on) {
  list.replaceChildren(...sights.map((sight) => {
    const row = rowOf(sight, on);
    row.querySelector('.face-text').append(element('p', { className: 'face-score', textContent: scoreInWords(sight.face) }), ...registerButton(sight, on));
    row.prepend(...crop(sight));
    return row;
  }));
}

/** While the camera runs: names and doubts only, and untouched as long as they stay the same. */
export function listNames(list, sights, on) {
  const shown = JSON.stringify(sights.map(({ id, face }) => [id, nameOf(face), whyNotSure(face)]));
  if (list.dataset.names === shown) return;
  const focused = document.activeElement.closest?.('[data-sight]')?.dataset.sight;
  list.dataset.names = shown;
  list.replaceChildren(...sights.map((sight) => {
    const row = rowOf(sight, on);
    row.classList.add('face-live');
    row.querySelector('.face-text').append(...registerButton(sight, on));
    return row;
  }));
  if (focused) list.querySelector(`[data-sight="${focused}"] .face-open`)?.focus({ preventScroll: true });
}

export function clearFaces(list) {
  delete list.dataset.names;
  list.replaceChildren();
}

function rowOf(sight, on) {
  const row = element('li', { className: 'face' });
  const text = element('div', { className: 'face-text' });
  const open = button('', 'face-open', { onclick: () => on.pick(sight.id, open) });
  const reason = whyNotSure(sight.face);
  row.dataset.kind = sight.face.decision;
  row.dataset.testid = 'face';
  row.dataset.sight = sight.id;
  open.append(nameElement(nameOf(sight.face)), element('span', { className: 'sr', textContent: ` ${t('recognise.why')}` }));
  text.append(open, ...(reason ? [element('p', { className: 'face-why', textContent: reason })] : []));
  row.append(text);
  for (const [event, lit] of [['pointerenter', true], ['pointerleave', false], ['focusin', true], ['focusout', false]]) {
    row.addEventListener(event, () => on.light(sight.id, lit));
  }
  return row;
}

function registerButton(sight, on) {
  if (sight.face.decision !== 'unknown' || !may('enrol')) return [];
  return [button(t('recognise.register'), 'face-link', { onclick: () => on.register(sight.id) })];
}

function nameElement(name) {
  const strong = element('strong', { className: 'face-name', textContent: name });
  strong.dir = 'auto';
  strong.title = name;
  return strong;
}

function crop({ face, picture, image }) {
  const canvas = cropFace(picture, face.box, image, CROP, MARGIN);
  if (!canvas) return [];
  canvas.className = 'face-crop';
  canvas.setAttribute('aria-hidden', 'true');
  return [canvas];
}
