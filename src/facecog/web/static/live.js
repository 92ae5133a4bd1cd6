// The live loop: one frame on its way at a time, the next only after the answer to the last.

import { recognise } from './api.js';
import { toJpeg } from './camera.js';

const LONGEST = 640; // pixels; more does not find more faces at arm's length, and costs the server.
const QUALITY = 0.85;
const SHORTEST_ROUND = 120; // ms; eight looks a second are smooth and leave the server room for others.
const AFTER_PROBLEM = 2000; // ms

export class Live {
  #abort = null;

  constructor(camera, { onAnswer, onProblem }) {
    this.camera = camera;
    this.onAnswer = onAnswer;
    this.onProblem = onProblem;
  }

  get running() {
    return this.#abort !== null;
  }

  start() {
    this.stop();
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
  }

  async #run(signal) {
    while (!signal.aborted) {
      const began = performance.now();
      const wait = await this.#look(signal);
      await sleep(Math.max(wait, SHORTEST_ROUND - (performance.now() - began)));
    }
  }

  /** Resolves to how long to wait before the next look, in ms. */
  async #look(signal) {
    const frame = this.camera.frame(LONGEST);
    if (!frame) return SHORTEST_ROUND;
    try {
      const answer = await recognise(await toJpeg(frame, QUALITY), signal);
      if (!signal.aborted) this.onAnswer(answer, frame);
    } catch (problem) {
      if (signal.aborted) return 0;
      if (problem.code === 'no_face') this.onAnswer({ faces: [], image: frame }, frame);
      else if (problem.status === undefined) throw problem; // A bug of ours, not an answer.
      else {
        this.onProblem(problem);
        return AFTER_PROBLEM;
      }
    }
    return 0;
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
