// The live view: the camera, the loop, and who is seen over time, as sights of faces.js.

import { Live, onScreen } from './live.js';
import { Pace } from './pace.js';
import { Tracks } from './tracks.js';

const EVERY = 500; // ms between two figures: faster ones cannot be read

export class Looking {
  #tracks = new Tracks();
  #pace = new Pace();
  #told = 0;

  /** on: {sights(sights, answer), pace({fps, delay}), problem(problem)}. */
  constructor(camera, on) {
    this.camera = camera;
    this.on = on;
    this.frame = null; // the one answered last
    this.live = new Live(camera, {
      onAnswer: (answer, frame, captured) => this.#answer(answer, frame, captured),
      onProblem: (problem) => {
        this.#pace = new Pace(); // What was lost is no delay of the next frame.
        this.on.problem(problem);
      },
    });
  }

  get running() {
    return this.live.running;
  }

  start() {
    this.#tracks.clear();
    this.#pace = new Pace();
    this.frame = null;
    this.live.start();
  }

  stop() {
    this.live.stop();
  }

  #answer(answer, frame, captured) {
    this.frame = frame;
    const picture = { image: frame, file: null, width: frame.width, height: frame.height };
    const tracks = this.#tracks.update(answer.faces.map((face) => ({ ...face, seen: { picture, answer } })));
    this.on.sights(tracks.map(({ id, box, face }) => ({ id, box, face, image: answer.image, ...face?.seen })), answer);
    this.#measure(captured);
  }

  async #measure(captured) {
    const drawn = await onScreen();
    this.#pace.add(captured, drawn);
    // On the browser's own time line, for whoever looks there; benchmarks/live.py does.
    performance.measure('look', { start: captured, end: drawn });
    performance.clearMeasures('look');
    if (drawn - this.#told < EVERY || !this.running || !this.#pace.figures) return;
    this.#told = drawn;
    this.on.pace(this.#pace.figures);
  }
}
