// The coach of Register: from what is found in each frame it decides what to say and which frame to take. It knows
// neither the page nor the camera, and its only clock is the time it is given.
//
//   const coach = new Coach();
//   const { hint, side, steps, take, offer, alone } = coach.see({ at, frame, faces, image });
//
//   at       ms, of any clock that only goes forward
//   frame    whatever belongs to this look; it comes back in `take`
//   faces    of /api/detect, found in `image` {width, height}
//
//   hint     what to say, one of HINTS
//   side     left or right of the picture, unmirrored: where to turn, or the way into the middle; else null
//   steps    {straight, left, right, again}: how far each is, 0 to 1
//   take     {step, frame} when a frame is to be kept: the sharpest of those in which the face held still; else null
//   offer    the person does not turn: what there is may do
//   alone    ms since a face was last seen
//
// Yaw is positive to the right of the picture as the camera sees it (docs/api.md).

export const STEPS = ['straight', 'left', 'right', 'again'];

export const HINTS = [
  'nobody', 'several', 'closer', 'back', 'middle', 'light', 'glare', 'eyes_covered', 'mouth_covered', 'upright',
  'still', 'look', 'turn', 'less', 'hold', 'done',
];

const STRAIGHT = 10; // degrees to either side that still look straight at the camera
const TURNED = 13; // degrees from which a head is turned to a side
const TOO_FAR = 36; // degrees beyond which it is turned too much
const FAR = 0.24; // of the picture's shorter side that a face should reach
const NEAR = 0.92; // and should not pass
const OFF_CENTRE = 0.24; // of the picture's width or height
const BESIDE = 0.5; // A second face counts from this part of the first one's width: others are passers-by.
const STIR = 0.12; // of a face's width that it may move between two looks
const STIR_YAW = 6; // degrees
const HOLD = 240; // ms that a face holds still, over two looks at least
const APART = 700; // ms between two frames taken: two of one moment are one photo
const PATIENCE = 6000; // ms in which somebody should turn
const PERSISTS = 2; // looks that must agree before a trouble is said

// What the quality gate has against a face, as a hint; what is turned or small is seen from the face itself.
const TROUBLES = {
  too_small: 'closer',
  unclear: 'closer',
  cut_off: 'middle',
  too_dark: 'light',
  too_flat: 'light',
  noisy: 'light',
  too_bright: 'glare',
  blurred: 'still',
  eyes_covered: 'eyes_covered',
  mouth_covered: 'mouth_covered',
  tilted: 'upright',
};

export class Coach {
  #done = new Set();
  #held = []; // looks, in which the face holds still as it should
  #before = null; // the face of the last look
  #taken = null; // when the last frame was taken
  #since = null; // when turning was first asked for
  #seen = null; // when a face was last there
  #said = { hint: 'nobody', side: null };
  #next = { hint: null, times: 0 };

  get finished() {
    return STEPS.every((step) => this.#done.has(step));
  }

  /** A frame was thrown away: its step is open again. */
  reopen(step) {
    this.#done.delete(step);
    this.#since = null;
  }

  see({ at, frame, faces, image }) {
    this.#seen = faces.length || this.#seen === null ? at : this.#seen;
    const face = largest(faces);
    const says = this.finished ? { hint: 'done' } : (around(faces, face) ?? placed(face, image) ?? this.#pose(face, at));
    const still = this.#holdsStill(face);
    this.#before = face;
    const take = says.step && still ? this.#hold(says.step, { at, frame, face }) : this.#letGo();
    const { hint, side } = this.#say(take ? this.#afterTake() : this.#heard(says, still));
    return { hint, side, steps: this.#steps(says.step, at), take, offer: this.#waitedInVain(at), alone: at - this.#seen };
  }

  // What the pose is good for: a step, or what to change.
  #pose(face, at) {
    const { yaw } = face.quality.measures;
    const toTurn = ['left', 'right'].filter((side) => !this.#done.has(side));
    const wanted = this.#wanted();
    if (wanted !== 'turn') return Math.abs(yaw) <= STRAIGHT ? { step: wanted, hint: 'hold' } : { hint: 'look' };
    this.#since ??= at;
    const towards = yaw > 0 ? 'right' : 'left';
    const open = toTurn.includes(towards);
    if (open && Math.abs(yaw) > TOO_FAR) return { hint: 'less', side: null };
    if (open && Math.abs(yaw) >= TURNED) return { step: towards, hint: 'hold' };
    return { hint: 'turn', side: toTurn[0] };
  }

  #wanted() {
    if (!this.#done.has('straight')) return 'straight';
    return this.#done.has('left') && this.#done.has('right') ? 'again' : 'turn';
  }

  #holdsStill(face) {
    return Boolean(face && this.#before) && moved(this.#before, face) < STIR && turned(this.#before, face) < STIR_YAW;
  }

  #hold(step, look) {
    if (this.#taken !== null && look.at - this.#taken < APART) return null;
    if (this.#held[0]?.step !== step) this.#held = [];
    this.#held.push({ ...look, step });
    if (this.#held.length < 2 || look.at - this.#held[0].at < HOLD) return null;
    const sharpest = this.#held.reduce((best, one) => (sharpness(one) > sharpness(best) ? one : best));
    this.#held = [];
    this.#taken = look.at;
    this.#since = null;
    this.#done.add(step);
    return { step, frame: sharpest.frame };
  }

  #letGo() {
    this.#held = [];
    return null;
  }

  #afterTake() {
    const wanted = this.#wanted();
    if (this.finished) return { hint: 'done' };
    if (wanted !== 'turn') return { hint: 'look' };
    return { hint: 'turn', side: this.#done.has('left') ? 'right' : 'left' };
  }

  #heard(says, still) {
    return says.step && !still ? { hint: 'still' } : says;
  }

  // What goes well is said at once; a trouble only when it is no flicker.
  #say({ hint, side = null }) {
    this.#next = { hint, times: this.#next.hint === hint ? this.#next.times + 1 : 1 };
    const atOnce = ['hold', 'done', 'turn', 'look'].includes(hint);
    if (atOnce || hint === this.#said.hint || this.#next.times >= PERSISTS) this.#said = { hint, side };
    return this.#said;
  }

  #steps(step, at) {
    const held = this.#held.length ? Math.min(1, (at - this.#held[0].at) / HOLD) : 0;
    return Object.fromEntries(STEPS.map((one) => [one, this.#done.has(one) ? 1 : one === step ? held * 0.9 : 0]));
  }

  #waitedInVain(at) {
    return this.#since !== null && at - this.#since >= PATIENCE;
  }
}

function around(faces, face) {
  if (!face) return { hint: 'nobody' };
  const beside = faces.filter((one) => one !== face && one.box.width >= BESIDE * face.box.width);
  return beside.length ? { hint: 'several' } : null;
}

function placed(face, image) {
  const size = face.box.height / Math.min(image.width, image.height);
  if (size > NEAR) return { hint: 'back' };
  const [trouble] = face.quality.reasons.map(({ code }) => TROUBLES[code]).filter(Boolean);
  if (size < FAR) return { hint: 'closer' };
  const { x, y } = middle(face);
  const [across, down] = [x / image.width - 0.5, y / image.height - 0.5];
  const away = Math.abs(across) > OFF_CENTRE || Math.abs(down) > OFF_CENTRE;
  if (away || trouble === 'middle') return { hint: 'middle', side: Math.abs(across) > OFF_CENTRE ? (across < 0 ? 'right' : 'left') : null };
  if (trouble) return { hint: trouble };
  // Turned beyond what the gate takes, or refused for something that a later version knows: back to the start.
  return face.quality.ok || face.quality.reasons.every(({ code }) => code === 'turned') ? null : { hint: 'look' };
}

/** The face meant where others are passers-by; null of none. */
export function largest(faces) {
  return faces.reduce((most, face) => (face.box.width > (most?.box.width ?? 0) ? face : most), null);
}

function middle({ box }) {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

function moved(before, now) {
  const [from, to] = [middle(before), middle(now)];
  const grown = Math.abs(now.box.height - before.box.height) / before.box.height;
  return Math.max(Math.hypot(to.x - from.x, to.y - from.y) / before.box.width, grown);
}

function turned(before, now) {
  return Math.abs(now.quality.measures.yaw - before.quality.measures.yaw);
}

function sharpness({ face }) {
  return face.quality.measures.sharpness ?? 0;
}
