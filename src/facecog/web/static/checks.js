// Is a photo good enough to register? Asked of the server one photo at a time, so that many of them build no queue there.

import { Problem, detect } from './api.js';
import { centreOf, openSmall } from './photo.js';
import { has, t } from './texts.js';

export class Checks {
  #last = Promise.resolve();
  #waiting = 0;

  /** onChange(item): its picture is open, or its verdict is there. */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /** `photo` is still being made of a frame; who waits for `all` waits for it too. */
  make(item, photo) {
    this.#last = this.#last.then(async () => { item.photo = await photo; });
  }

  add(item) {
    this.#waiting += 1;
    this.#last = this.#last.then(() => this.#check(item));
    return this.#last;
  }

  /** When everything added so far is checked. */
  get all() {
    return this.#last;
  }

  async #check(item) {
    const oneOfMany = this.#waiting > 1;
    this.#waiting -= 1;
    if (item.removed) return;
    item.picture ??= await openSmall(item.photo);
    this.onChange(item);
    try {
      const { faces, image } = await detect(item.photo, { oneOfMany });
      faces.sort((one, other) => one.box.x - other.box.x); // as the eye and the keyboard go over them
      Object.assign(item, { faces, size: image });
      judge(item, faces.length === 1 ? 0 : null);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      // The server could not look now, which says nothing of the photo: registering will.
      if (problem.passing) Object.assign(item, { state: 'good', reason: '' });
      else Object.assign(item, { state: 'bad', reason: problem.said });
    }
    this.onChange(item);
  }
}

/** The verdict on the face meant: `chosen` of item.faces; null while nobody has said which. */
export function judge(item, chosen) {
  const face = item.faces[chosen];
  item.chosen = chosen;
  item.near = item.faces.length > 1 && face ? centreOf(face.box, item.size) : null;
  if (!item.faces.length) Object.assign(item, { state: 'bad', reason: t('errors.no_face') });
  else if (!face) Object.assign(item, { state: 'choose', reason: t('register.which_face', { n: item.faces.length }) });
  else if (face.quality.ok) Object.assign(item, { state: 'good', reason: '' });
  else Object.assign(item, { state: 'bad', reason: against(face.quality.reasons) });
}

function against(reasons) {
  return reasons.map(({ code, message }) => (has(`quality.${code}`) ? t(`quality.${code}`) : message)).join(' ');
}
