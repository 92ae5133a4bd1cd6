// Several photos: one after the other is asked about, and a strip of thumbnails leads through the answers.

import { Problem, recognise } from './api.js';
import { button, element } from './elements.js';
import { closePicture, openPicture } from './photo.js';
import { t } from './texts.js';
import { leftToRight, nameOf } from './words.js';

export class Photos {
  #items = [];
  #abort = null;
  #shown = null;

  /** onShow(item): what is to be seen now: {picture, answer, problem}, each null as long as it is not there. */
  constructor(strip, onShow) {
    this.strip = strip;
    this.onShow = onShow;
  }

  get shown() {
    return this.#shown;
  }

  async take(files) {
    this.leave();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#items = files.map((file, index) => ({ file, index, picture: null, answer: null, problem: null, thumb: null }));
    if (files.length > 1) this.strip.replaceChildren(...this.#items.map((item) => this.#thumb(item)));
    this.strip.hidden = files.length < 2;
    this.#show(this.#items[0]);
    for (const item of this.#items) {
      await this.#ask(item, signal);
      if (signal.aborted) return; // Other photos, or the camera, came first.
    }
  }

  /** Ask about the shown photo once more: somebody on it has been registered. */
  again() {
    this.#shown.answer = null;
    return this.#ask(this.#shown, this.#abort.signal);
  }

  leave() {
    this.#abort?.abort();
    this.#items.forEach(({ picture }) => closePicture(picture));
    this.#items = [];
    this.#shown = null;
    this.strip.replaceChildren();
    this.strip.hidden = true;
  }

  async #ask(item, signal) {
    try {
      await this.#open(item, signal);
      if (signal.aborted) return;
      item.answer = await recognise(item.file, { signal, oneOfMany: this.#items.length > 1 });
    } catch (problem) {
      if (signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      item.problem = problem;
    }
    this.#label(item);
    if (item === this.#shown) this.onShow(item);
  }

  async #open(item, signal) {
    if (item.picture) return;
    const picture = await openPicture(item.file);
    if (signal.aborted) return closePicture(picture);
    item.picture = picture;
    if (item.thumb && picture.image) item.thumb.firstChild.replaceWith(Object.assign(new Image(), { src: picture.image.src, alt: '' }));
    if (item === this.#shown) this.onShow(item);
  }

  #show(item) {
    this.#shown = item;
    for (const one of this.#items) one.thumb?.setAttribute('aria-current', String(one === item));
    item.thumb?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (item.picture) this.onShow(item);
  }

  #thumb(item) {
    item.thumb = button('', 'thumb', { onclick: () => this.#show(item) });
    item.thumb.dataset.testid = 'thumb';
    item.thumb.append(element('span', { className: 'thumb-empty' }), element('span', { className: 'thumb-sign' }));
    this.#label(item);
    return item.thumb;
  }

  #label(item) {
    if (!item.thumb) return;
    const names = (item.answer && leftToRight(item.answer.faces).map(nameOf).join(', ')) ?? item.problem?.said ?? t('recognise.looking_at_photo');
    item.thumb.dataset.kind = item.problem ? 'refused' : item.answer ? 'done' : 'waiting';
    item.thumb.setAttribute('aria-label', t('recognise.photo_number', { n: item.index + 1, who: names }));
  }
}
