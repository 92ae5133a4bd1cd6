// Numbers and names as people say them.

export const UNKNOWN = 'Unknown';

export function nameOf(face) {
  return face.decision === 'match' ? face.name : UNKNOWN;
}

export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

/** "Anna, Ben and 2 unknown" */
export function whoIsThere(faces) {
  const known = [...new Set(faces.filter((face) => face.decision === 'match').map((face) => face.name))];
  const unknown = faces.filter((face) => face.decision !== 'match').length;
  if (!faces.length) return 'Nobody in view';
  if (!known.length) return unknown === 1 ? UNKNOWN : `${unknown} unknown`;
  return listed(unknown ? [...known, `${unknown} unknown`] : known);
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
