// Why a face has this name, or none: the two faces compared, the score against the threshold, and what stands behind it.

import { button, element } from './elements.js';
import { cropFace } from './photo.js';
import { may } from './rights.js';
import { t } from './texts.js';
import { inSentence, nameOf, outOfReach, promiseInWords, qualityInWords, runnerUpInWords, scoreInWords, whyNotSure } from './words.js';

const SIDE = 176; // CSS pixels, at most
const MARGIN = 0.4; // As much as the stored photo beside it shows.

export class Why {
  #opener = null;

  /** on: {register(id), closed(opener)}. */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    root.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
    });
  }

  /** sight: of faces.js; opener: the button that asked, where the keyboard goes back to. */
  show(sight, opener) {
    this.#opener = opener;
    const title = element('h2', { className: 'why-title', textContent: nameOf(sight.face) });
    title.id = 'why-title';
    title.tabIndex = -1;
    title.dir = 'auto';
    const close = button('', 'why-close', { onclick: () => this.close() });
    close.setAttribute('aria-label', t('recognise.close'));
    close.dataset.testid = 'why-close';
    this.root.dataset.kind = sight.face.decision;
    this.root.dataset.sight = sight.id;
    this.root.replaceChildren(title, close, faces(sight), bar(sight.face), element('p', { className: 'why-score', textContent: scoreInWords(sight.face) }), reasons(sight), ...this.#next(sight));
    this.root.hidden = false;
    title.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: 'nearest' });
  }

  close() {
    if (this.root.hidden) return;
    this.hide();
    this.on.closed(this.#opener);
  }

  hide() {
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  #next({ id, face }) {
    if (face.decision === 'match') {
      if (!may('look')) return [];
      const link = element('a', { className: 'button button-quiet button-wide', textContent: t('recognise.person', { name: inSentence(face.name) }) });
      link.href = `/people/${face.subject_id}`;
      link.dataset.testid = 'why-person';
      return [link];
    }
    if (!may('enrol') || (face.decision === 'uncertain' && !face.quality.ok)) return []; // It would be refused.
    const register = button(t('recognise.register'), 'button button-wide', { onclick: () => this.on.register(id) });
    register.dataset.testid = 'why-register';
    return [register];
  }
}

function faces({ face, picture, image }) {
  const pair = element('div', { className: 'pair' });
  pair.append(figure(cropFace(picture, face.box, image, SIDE, MARGIN), t('recognise.this_face')));
  const [best] = face.candidates;
  if (best && may('look')) {
    const stored = new Image();
    stored.src = `/api/samples/${best.sample_id}.jpg?side=320`;
    stored.dataset.testid = 'why-stored';
    const name = inSentence(best.name);
    pair.append(figure(stored, face.decision === 'match' ? t('recognise.stored', { name }) : t('recognise.nearest', { name })));
  }
  return pair;
}

function figure(picture, caption) {
  const made = element('figure');
  const frame = element('div', { className: 'pair-face' });
  const shown = picture ?? element('span', { textContent: t('recognise.cannot_show') });
  if (picture instanceof Image) picture.alt = caption;
  else if (picture) {
    picture.setAttribute('role', 'img');
    picture.setAttribute('aria-label', caption);
  }
  const words = element('figcaption', { textContent: caption });
  words.dir = 'auto';
  words.setAttribute('aria-hidden', String(Boolean(picture))); // The picture is called so already.
  frame.append(shown);
  made.append(frame, words);
  return made;
}

// Says nothing that the words beside it do not say, so it is kept from screen readers.
function bar({ score, threshold }) {
  const track = element('div', { className: 'bar' });
  const fill = element('div', { className: 'bar-fill' });
  const need = element('div', { className: 'bar-need' });
  fill.style.width = `${Math.max(0, Math.min(1, score ?? 0)) * 100}%`;
  need.style.left = `${Math.min(1, threshold) * 100}%`;
  track.toggleAttribute('data-out-of-reach', outOfReach(threshold));
  track.dataset.testid = 'why-bar';
  track.setAttribute('aria-hidden', 'true');
  track.append(fill, need);
  return track;
}

function reasons({ face, answer }) {
  const list = element('dl', { className: 'why-reasons' });
  const rows = [
    ['decision', decisionInWords(face)],
    ['promise', answer.gallery.subjects ? promiseInWords(answer) : ''],
    ['next', runnerUpInWords(face)],
    ['quality', qualityInWords(face)],
  ];
  for (const [what, words] of rows.filter(([, text]) => text)) {
    const said = element('dd', { textContent: words });
    said.dataset.testid = `why-${what}`;
    list.append(element('dt', { textContent: t(`recognise.why_${what}`) }), said);
  }
  return list;
}

function decisionInWords(face) {
  if (face.decision === 'uncertain') return whyNotSure(face);
  if (face.decision === 'match') return t('recognise.is_match', { name: inSentence(face.name) });
  if (outOfReach(face.threshold)) return t('recognise.is_unnameable');
  return face.score === null ? t('recognise.nobody_registered') : t('recognise.is_unknown');
}
