// The photos gathered for one person: thumbnails, each with its verdict and a way to throw it away.

import { cropFace } from './photo.js';
import { t } from './texts.js';

const SIDE = 64; // CSS pixels
const MARGIN = 0.45;
const SAYS = { checking: 'register.checking', good: 'register.good', sending: 'register.sending', kept: 'register.kept', already: 'register.already' };

export class Tray {
  items = [];
  #rows = new Map();
  #locked = false;

  /** onShow(item): its thumbnail was pressed; onRemove(item): it has gone. */
  constructor(list, { onShow, onRemove }) {
    this.list = list;
    this.onShow = onShow;
    this.onRemove = onRemove;
  }

  /** {photo, origin, step, picture, faces, size, chosen, near, state, reason}; state is checking, choose, good, bad,
   *  sending, kept, already or refused. */
  add(given) {
    const item = { step: null, picture: null, faces: [], size: null, chosen: null, near: null, state: 'checking', reason: '', ...given };
    this.items.push(item);
    const row = this.#row(item);
    this.#rows.set(item, row);
    this.list.append(row.root);
    this.draw(item);
    return item;
  }

  draw(item) {
    const row = this.#rows.get(item);
    if (!row) return;
    const number = this.items.indexOf(item) + 1;
    const says = item.reason || t(SAYS[item.state]);
    row.root.dataset.state = item.state;
    row.root.toggleAttribute('data-wide', item.origin === 'photo' || Boolean(item.reason));
    row.says.textContent = says;
    row.show.setAttribute('aria-label', t('register.show_photo', { number, says }));
    row.remove.setAttribute('aria-label', t('register.remove_photo', { number }));
    row.remove.hidden = this.#locked;
    const thumbnail = picture(item);
    if (thumbnail) row.show.replaceChildren(thumbnail);
  }

  remove(item) {
    const row = this.#rows.get(item);
    const place = this.items.indexOf(item);
    item.removed = true;
    this.items.splice(place, 1);
    this.#rows.delete(item);
    row.root.remove();
    this.items.forEach((one) => this.draw(one));
    const next = this.items[Math.min(place, this.items.length - 1)];
    if (next) this.#rows.get(next).remove.focus({ preventScroll: true });
  }

  clear() {
    for (const item of this.items) item.removed = true;
    this.items = [];
    this.#rows.clear();
    this.list.replaceChildren();
  }

  /** While they are sent, and after, nothing can be thrown away here. */
  set locked(yes) {
    this.#locked = yes;
    this.items.forEach((item) => this.draw(item));
  }

  /** Which one is seen large. */
  light(item) {
    for (const [one, row] of this.#rows) row.show.setAttribute('aria-pressed', String(one === item));
  }

  #row(item) {
    const [root, show, words, says, remove] = ['li', 'button', 'div', 'p', 'button'].map((tag) => document.createElement(tag));
    root.className = 'shot';
    root.dataset.testid = 'shot';
    show.className = 'shot-face';
    remove.className = 'shot-remove';
    words.className = 'shot-words';
    says.className = 'shot-says';
    says.dataset.testid = 'verdict';
    show.type = remove.type = 'button';
    remove.textContent = '×';
    if (item.origin === 'photo' && item.photo.name) {
      const name = document.createElement('p');
      name.className = 'shot-name';
      name.dir = 'auto';
      name.textContent = item.photo.name;
      words.append(name);
    }
    words.append(says);
    root.append(show, words, remove);
    show.addEventListener('click', () => this.onShow(item));
    remove.addEventListener('click', () => {
      this.remove(item);
      this.onRemove(item);
    });
    return { root, show, says, remove };
  }
}

// The face where it is known, else the middle of the photo.
function picture({ picture, faces, chosen, size }) {
  if (!picture) return null;
  const face = faces[chosen];
  const all = { x: 0, y: 0, width: picture.width, height: picture.height };
  const canvas = face ? cropFace(picture, face.box, size, SIDE, MARGIN) : cropFace(picture, all, picture, SIDE, 0);
  canvas?.setAttribute('aria-hidden', 'true');
  return canvas;
}
