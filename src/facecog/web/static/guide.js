// The guide through the photos: what the coach sees becomes the ring, the words on the picture, and what is offered meanwhile.

import { Coach, largest } from './coach.js';
import { Hints } from './hints.js';
import { Ring } from './ring.js';
import { t } from './texts.js';

const LONELY = 10_000; // ms without a face, after which it is said what else can be done

const $ = (id) => document.getElementById(id);

export class Guide {
  #coach = new Coach();
  #ring = new Ring($('ring'));
  #hints = new Hints($('hint'), $('hint-aloud'));

  /** tray: whose photos are offered to be enough; coaching: else photos are only taken by hand. */
  constructor(tray) {
    this.tray = tray;
    this.coaching = true;
  }

  get finished() {
    return this.#coach.finished;
  }

  /** For another person, or another round. */
  afresh() {
    this.#coach = new Coach();
  }

  /** The photo of a step was thrown away. */
  reopen(step) {
    this.#coach.reopen(step);
  }

  toggle() {
    this.coaching = !this.coaching;
    this.#show();
  }

  /** The camera runs; nobody was seen yet. */
  begin(size, mirrored) {
    this.#ring.hide(false);
    this.#ring.place(null, size, mirrored);
    this.#show();
  }

  /** canvas: the frame that was judged. Gives {crowd: too many are in view, take: of the coach, what is to be kept}. */
  see(canvas, { faces, image }, mirrored) {
    const advice = this.coaching ? this.#coach.see({ at: performance.now(), frame: { canvas, faces, size: image }, faces, image }) : null;
    const crowd = advice?.hint === 'several' || (!advice && faces.length > 1);
    this.#ring.hide(crowd);
    this.#ring.place(largest(faces), image, mirrored);
    if (advice) this.#say(advice, mirrored);
    return { crowd, take: advice?.take };
  }

  /** The server does not answer: what was said before is of no use. */
  rest(size, mirrored) {
    this.#ring.place(null, size, mirrored);
    this.#ring.rest();
    this.#hints.clear();
    this.#lonely(false);
  }

  /** The coach is through, or the person says that it is enough. */
  done(mirrored) {
    this.#offer(false);
    this.#lonely(false);
    this.#hints.say({ hint: 'done', side: null }, mirrored);
  }

  /** The stage shows something else. */
  leave() {
    this.#ring.hide(true);
    this.#offer(false);
    this.#lonely(false);
  }

  #show() {
    $('auto').setAttribute('aria-pressed', String(this.coaching));
    this.#ring.root.toggleAttribute('data-plain', !this.coaching);
    this.#hints.quiet(!this.coaching);
    if (!this.coaching) {
      this.#lonely(false);
      this.#offer(false);
    }
  }

  #say(advice, mirrored) {
    this.#ring.show(advice.steps, advice, mirrored);
    this.#hints.say(advice, mirrored);
    this.#lonely(advice.alone >= LONELY);
    this.#offer(advice.offer);
  }

  #lonely(yes) {
    $('lonely').hidden = !yes;
  }

  #offer(yes) {
    const n = this.tray.items.length;
    $('use-these').hidden = !yes || !n;
    if (yes && n) $('use-these').textContent = t('register.use_these', { n });
  }
}
