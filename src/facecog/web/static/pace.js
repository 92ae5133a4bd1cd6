// How fast the live view is: frames a second and the delay from a frame's capture to its names on the screen, as moving averages.

const WEIGHT = 0.15; // of the newest frame: the figures follow within a second and can still be read

export class Pace {
  #drawn = null;
  #round = null;
  #delay = null;

  /** Of one frame, in ms of the same clock. */
  add(captured, drawn) {
    if (this.#drawn !== null) this.#round = mean(this.#round, drawn - this.#drawn);
    this.#delay = mean(this.#delay, drawn - captured);
    this.#drawn = drawn;
  }

  /** {fps, delay}: frames a second and ms; null before two frames were drawn. */
  get figures() {
    return this.#round ? { fps: 1000 / this.#round, delay: this.#delay } : null;
  }
}

function mean(before, value) {
  return before === null ? value : before + WEIGHT * (value - before);
}
