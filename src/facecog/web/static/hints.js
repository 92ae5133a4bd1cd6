// The coach's words on the picture, and the same read aloud once they have settled.

import { onScreen } from './ring.js';
import { t } from './texts.js';

const SETTLED = 900; // ms

export class Hints {
  #timer = 0;

  constructor(pill, aloud) {
    this.pill = pill;
    this.aloud = aloud;
  }

  /** Left and right are the person's own in a mirror, and the picture's where the camera looks away from its owner. */
  say({ hint, side }, mirrored) {
    const text = hint === 'turn' ? t(`register.${mirrored ? 'turn' : 'picture'}_${onScreen(side, mirrored)}`) : t(`register.coach_${hint}`);
    this.pill.dataset.hint = hint;
    if (this.pill.textContent === text) return;
    this.pill.textContent = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.aloud.textContent = text;
    }, SETTLED);
  }

  quiet(yes) {
    this.pill.hidden = yes;
    if (yes) this.clear();
  }

  clear() {
    clearTimeout(this.#timer);
    this.pill.textContent = this.aloud.textContent = '';
    delete this.pill.dataset.hint;
  }
}
