// Numbers and names as people say them.

export const UNKNOWN = 'Unknown';
const LONG = 40; // letters
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

export function nameOf(face) {
  return face.decision === 'match' ? face.name : UNKNOWN;
}

/** A name inside a sentence: cut where it would drown the sentence, and kept from turning it right to left. */
export function inSentence(name) {
  const letters = Array.from(name);
  const short = letters.length > LONG ? `${letters.slice(0, LONG).join('').trimEnd()}…` : name;
  return RIGHT_TO_LEFT.test(short) ? `\u2068${short}\u2069` : short;
}

/** As a caption lists people, and steady while the camera runs. */
export function leftToRight(faces, mirrored = false) {
  const middle = ({ box }) => (mirrored ? -1 : 1) * (box.x + box.width / 2);
  return [...faces].sort((one, other) => middle(one) - middle(other));
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

/** "Anna, Ben and 2 unknown" */
export function whoIsThere(faces) {
  const known = [...new Set(faces.filter((face) => face.decision === 'match').map((face) => inSentence(face.name)))];
  const unknown = faces.filter((face) => face.decision !== 'match').length;
  if (!faces.length) return 'Nobody in view';
  if (!known.length) return unknown === 1 ? UNKNOWN : `${unknown} unknown`;
  return listed(unknown ? [...known, `${unknown} unknown`] : known);
}

export function whoIsInThePhoto(faces) {
  if (faces.length < 2) return whoIsThere(faces);
  const allUnknown = faces.every((face) => face.decision !== 'match');
  return `${faces.length} faces${allUnknown ? ', all unknown' : `: ${whoIsThere(faces)}`}`;
}

export function scoreInWords(face) {
  if (face.score === null || face.score === undefined) return 'Nobody to compare with yet';
  // Two figures that would print alike get one digit more.
  const digits = Math.abs(face.score - face.threshold) < 0.01 ? 3 : 2;
  const [score, threshold] = [face.score.toFixed(digits), face.threshold.toFixed(digits)];
  return face.decision === 'match'
    ? `Score ${score}, a match from ${threshold}`
    : `Best score ${score}, a match needs ${threshold}`;
}

export function basisInWords({ gallery_size: size, fmr, model }) {
  if (!size) return 'Nobody is registered yet, so everyone is unknown.';
  const odds = fmr ? ` At this threshold about 1 in ${Math.round(1 / fmr).toLocaleString('en')} comparisons of two different people would match by mistake.` : '';
  return `Compared with ${count(size, 'stored photo', 'stored photos')} by ${model}.${odds}`;
}

function listed(names) {
  if (names.length === 1) return names[0];
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
