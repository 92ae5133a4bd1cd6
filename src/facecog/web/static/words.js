// Numbers and names as people say them.

import { t } from './texts.js';

const NAMELESS = { unknown: 'Unknown', uncertain: 'Not sure' };
const LONG = 40; // letters
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

export function nameOf(face) {
  return NAMELESS[face.decision] ?? face.name;
}

/** Why a face is uncertain, in words; empty of any other. */
export function whyNotSure(face) {
  if (face.decision !== 'uncertain') return '';
  if (face.reason === 'look_alikes') return `${listed(lookAlikes(face).map((one) => inSentence(one.name)), 'or')}: too alike to tell`;
  const [poor] = face.quality.reasons;
  return poor ? `Too poor to judge. ${t(`quality.${poor.code}`)}` : 'Too poor to judge';
}

// The server rounds, so the two that made it doubt are taken whatever their figures say.
function lookAlikes({ candidates, threshold }) {
  return candidates.filter((one, index) => index < 2 || one.score >= threshold);
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
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** "Anna, Ben, 1 not sure and 2 unknown" */
export function whoIsThere(faces) {
  const of = (decision) => faces.filter((face) => face.decision === decision);
  const known = [...new Set(of('match').map((face) => inSentence(face.name)))];
  const [unsure, unknown] = [of('uncertain').length, of('unknown').length];
  if (!faces.length) return 'Nobody in view';
  if (faces.length === 1) return known[0] ?? nameOf(faces[0]);
  return listed([...known, ...(unsure ? [`${unsure} not sure`] : []), ...(unknown ? [`${unknown} unknown`] : [])]);
}

export function whoIsInThePhoto(faces) {
  if (faces.length < 2) return whoIsThere(faces);
  const allUnknown = faces.every((face) => face.decision === 'unknown');
  return `${faces.length} faces${allUnknown ? ', all unknown' : `: ${whoIsThere(faces)}`}`;
}

/** The heading and what else is worth hearing: why a face got no name. */
export function aloud(heading, faces) {
  return [heading, ...new Set(faces.map(whyNotSure).filter(Boolean))].join('. ');
}

export function scoreInWords(face) {
  const alike = face.reason === 'look_alikes';
  const scores = alike ? lookAlikes(face).map((one) => one.score) : [face.score];
  if (typeof scores[0] !== 'number') return 'Nobody to compare with yet';
  const [threshold, ...figures] = inFigures(face.threshold, scores);
  if (alike) return `Scores ${listed(figures)}, a match from ${threshold}`;
  return face.decision === 'match'
    ? `Score ${figures[0]}, a match from ${threshold}`
    : `Best score ${figures[0]}, a match needs ${threshold}`;
}

/** With one digit more where a score and the threshold would print alike. */
export function inFigures(threshold, scores) {
  const close = scores.some((score) => Math.abs(score - threshold) < 0.01);
  const text = (value) => value.toFixed(close ? 3 : 2).replace(/^-(0\.0+)$/, '$1');
  return [threshold, ...scores].map(text);
}

export function basisInWords({ gallery: { subjects, samples }, fpir, model }) {
  if (!subjects) return 'Nobody is registered yet, so nobody gets a name.';
  const compared = `Compared with ${count(samples, 'photo', 'photos')} of ${count(subjects, 'person', 'people')}, by ${model}.`;
  return fpir ? `${compared} Of strangers, at most ${odds(fpir)} gets a name here.` : compared;
}

// Rounded so that "at most" stays true.
function odds(rate) {
  return `1 in ${Math.floor(1 / rate + 1e-9).toLocaleString('en')}`;
}

function listed(names, joint = 'and') {
  if (names.length === 1) return names[0];
  return `${names.slice(0, -1).join(', ')} ${joint} ${names.at(-1)}`;
}
