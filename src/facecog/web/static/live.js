// The live loop: one frame on its way at a time, the next only after the answer to the last.

import { detect, recognise, sleep } from './api.js';
import { scaled, toJpeg } from './camera.js';

const LONGEST = 640; // pixels; more does not find more faces at arm's length, and costs the server.
const QUALITY = 0.85;
const SHORTEST_ROUND = 80; // ms; twelve looks a second are smooth, and a fast server keeps room for others.
const NO_FRAME = 100; // ms until a camera that gives no picture yet is looked at again
const AFTER_PROBLEM = 2000; // ms
const SKIPPED = 3; // frames for which the server is busy, one after the other, before it is said

export class Live {
  #abort = null;
  #skipped = 0;

  /** look: asks the server about a frame of at most `longest` pixels; else who is on it. */
  constructor(camera, { look = who, longest = LONGEST, onAnswer, onProblem }) {
    this.camera = camera;
    this.look = look;
    this.longest = longest;
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
    const pictures = newPictures(this.camera.video, signal);
    while (!signal.aborted) {
      const began = performance.now();
      const wait = await this.#look(pictures, signal);
      await sleep(Math.max(wait, SHORTEST_ROUND - (performance.now() - began)));
    }
  }

  /** Resolves to how long to wait before the next look, in ms. */
  async #look(pictures, signal) {
    const captured = await pictures.next();
    const frame = signal.aborted ? null : this.camera.frame(this.longest);
    if (!frame) return NO_FRAME;
    try {
      const answer = await this.look(frame, signal);
      this.#skipped = 0;
      if (!signal.aborted) this.onAnswer(answer, frame, captured);
    } catch (problem) {
      if (signal.aborted) return 0;
      if (problem.code === 'no_face') this.onAnswer({ faces: [], image: frame }, frame, captured);
      else if (problem.status === undefined) throw problem; // A bug of ours, not an answer.
      else if (problem.busy && ++this.#skipped < SKIPPED) return problem.comeAgain;
      else {
        this.onProblem(problem);
        return AFTER_PROBLEM;
      }
    }
    return 0;
  }
}

/** Each picture of the camera once: `next` resolves to when it was captured, at once where it has not been asked for yet. */
function newPictures(video, signal) {
  // A browser without the callback (Firefox before 132) shows pictures all the same: any moment's will do.
  if (!video.requestVideoFrameCallback) return { next: async () => performance.now() };
  let fresh = null;
  let waiting = null;
  const watch = () => video.requestVideoFrameCallback((now, { captureTime }) => {
    fresh = captureTime ?? now;
    waiting?.();
    if (!signal.aborted) watch();
  });
  watch();
  signal.addEventListener('abort', () => waiting?.());
  return {
    async next() {
      if (fresh === null) await new Promise((resolve) => { waiting = resolve; });
      const captured = fresh ?? performance.now();
      [fresh, waiting] = [null, null];
      return captured;
    },
  };
}

/** When what was just drawn is on the screen, in ms. */
export function onScreen() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  });
}

async function who(frame, signal) {
  return recognise(await toJpeg(frame, QUALITY), { signal, allowNoFace: true, once: true });
}

/** Looks for faces only; the frame may be larger than what is sent, and is kept as it is. */
export async function facesOf(frame, signal) {
  return detect(await toJpeg(scaled(frame, LONGEST), QUALITY), { signal, once: true });
}
