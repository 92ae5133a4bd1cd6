// The stage: where the camera or the photo is seen. It knows what is shown and how large, not why.

import { Marks } from './draw.js';
import { t } from './texts.js';

const WIDEST = 16 / 9;
const TALLEST = 3 / 4;

export class Stage {
  #size = { width: 4, height: 3 };

  constructor() {
    this.root = document.getElementById('stage');
    this.video = document.getElementById('video');
    this.picture = document.getElementById('picture');
    this.layer = document.getElementById('over');
    this.marks = new Marks(document.getElementById('marks'));
    new ResizeObserver(() => this.#layOut()).observe(this.root);
  }

  get state() {
    return this.root.dataset.state;
  }

  set state(state) {
    this.root.dataset.state = state;
    document.body.dataset.state = state;
  }

  /** The running camera; `mirrored` turns only what is seen, never what is sent. */
  showCamera(size, mirrored) {
    this.picture.replaceChildren();
    this.video.toggleAttribute('data-mirrored', mirrored);
    this.root.toggleAttribute('data-live', true);
    this.resize(size);
  }

  /** A picture of photo.js or a canvas; a tile with the file's name where the browser cannot show it. */
  showPicture({ image, file, width, height }) {
    this.clear();
    this.picture.replaceChildren(image ?? tile(file.name));
    this.resize({ width, height });
  }

  clear() {
    this.marks.clear();
    this.picture.replaceChildren();
    this.root.toggleAttribute('data-live', false);
    this.root.removeAttribute('data-mirrored');
    this.notice('');
    this.pill('');
  }

  /** Boxes count in pixels of the image that was answered, so that image gives the stage its shape. */
  mark(faces, image, mirrored = false) {
    if (!this.picture.querySelector('img, canvas') && !this.root.hasAttribute('data-live')) this.resize(image);
    this.marks.show(faces, image, mirrored);
  }

  resize({ width, height }) {
    this.#size = { width, height };
    this.root.style.setProperty('--ratio', String(Math.min(WIDEST, Math.max(TALLEST, width / height))));
    this.#layOut();
  }

  notice(text, canRetry = true) {
    document.getElementById('notice').hidden = !text;
    document.getElementById('notice-text').textContent = text;
    document.getElementById('retry').hidden = !canRetry;
  }

  pill(text) {
    const pill = document.getElementById('pill');
    pill.textContent = text;
    pill.hidden = !text;
  }

  // The picture is shown whole ("contain"); the boxes lie over just the part of the stage that it fills.
  #layOut() {
    const { clientWidth, clientHeight } = this.root;
    const scale = Math.min(clientWidth / this.#size.width, clientHeight / this.#size.height);
    const width = this.#size.width * scale;
    const height = this.#size.height * scale;
    Object.assign(this.layer.style, {
      width: `${width}px`,
      height: `${height}px`,
      left: `${(clientWidth - width) / 2}px`,
      top: `${(clientHeight - height) / 2}px`,
    });
  }
}

function tile(name) {
  const element = document.createElement('p');
  const title = document.createElement('strong');
  const why = document.createElement('span');
  element.className = 'tile';
  title.dir = 'auto';
  title.textContent = name;
  why.textContent = t('camera.cannot_show');
  element.append(title, why);
  return element;
}
