// Numbers and names as people say them.

import { listed, number, t } from './texts.js';

const LONG = 40; // letters
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

export function nameOf(face) {
  if (face.decision === 'match') return face.name;
  return t(`recognise.name_${face.decision}`);
}

/** What each of these faces is called aloud, as a button: "Anna, match", "Unknown face 2". null: not said yet who it is. */
export function spokenNames(faces) {
  const kinds = faces.map((face) => face?.decision ?? 'looking');
  return faces.map((face, index) => {
    const kind = kinds[index];
    const count = kinds.slice(0, index + 1).filter((one) => one === kind).length;
    return t(`recognise.face_${kind}`, kind === 'match' ? { name: inSentence(face.name) } : { n: count });
  });
}

/** Why a face is uncertain, in words; empty of any other. */
export function whyNotSure(face) {
  if (face.decision !== 'uncertain') return '';
  if (face.reason === 'look_alikes') return t('recognise.too_alike', { names: listed(lookAlikes(face).map((one) => inSentence(one.name)), 'disjunction') });
  const [poor] = face.quality.reasons;
  return poor ? `${t('recognise.too_poor')} ${t(`quality.${poor.code}`)}` : t('recognise.too_poor');
}

// The server rounds, so the two that made it doubt are taken whatever their figures say.
function lookAlikes({ candidates, threshold }) {
  return candidates.filter((one, index) => index < 2 || one.score >= threshold);
}

/** Whether two names are one person's, as the server compares them, near enough: it has the last word. */
export function sameName(one, other) {
  const key = (name) => name.normalize('NFKC').toLocaleLowerCase().split(/\s+/).filter(Boolean).join(' ');
  return key(one) === key(other);
}

/** A name inside a sentence: cut where it would drown the sentence, and kept from turning it right to left. */
export function inSentence(name) {
  const letters = Array.from(name);
  const short = letters.length > LONG ? `${letters.slice(0, LONG).join('').trimEnd()}…` : name;
  return RIGHT_TO_LEFT.test(short) ? `\u2068${short}\u2069` : short;
}

/** As a caption lists people, and steady while the camera runs. Anything with a box. */
export function leftToRight(faces, mirrored = false) {
  const middle = ({ box }) => (mirrored ? -1 : 1) * (box.x + box.width / 2);
  return [...faces].sort((one, other) => middle(one) - middle(other));
}

/** "Anna, Ben, 1 not sure and 2 unknown" */
export function whoIsThere(faces) {
  const of = (decision) => faces.filter((face) => face.decision === decision);
  const known = [...new Set(of('match').map((face) => inSentence(face.name)))];
  const [unsure, unknown] = [of('uncertain').length, of('unknown').length];
  if (!faces.length) return t('recognise.nobody');
  if (faces.length === 1) return known[0] ?? nameOf(faces[0]);
  return listed([
    ...known,
    ...(unsure ? [t('recognise.count_uncertain', { n: unsure })] : []),
    ...(unknown ? [t('recognise.count_unknown', { n: unknown })] : []),
  ]);
}

export function whoIsInThePhoto(faces) {
  if (faces.length < 2) return whoIsThere(faces);
  const allUnknown = faces.every((face) => face.decision === 'unknown');
  return allUnknown ? t('recognise.all_unknown', { n: faces.length }) : t('recognise.faces_are', { n: faces.length, who: whoIsThere(faces) });
}

/** The heading and what else is worth hearing: why a face got no name. */
export function aloud(heading, faces) {
  return [heading, ...new Set(faces.map(whyNotSure).filter(Boolean))].join('. ');
}

export function scoreInWords(face) {
  const alike = face.reason === 'look_alikes';
  const scores = alike ? lookAlikes(face).map((one) => one.score) : [face.score];
  if (typeof scores[0] !== 'number') return t('recognise.nobody_to_compare');
  const [threshold, ...figures] = inFigures(face.threshold, scores);
  if (alike) return t('recognise.scores', { scores: listed(figures), threshold });
  if (outOfReach(face.threshold)) return t('recognise.score_alone', { score: figures[0] });
  return t(face.decision === 'match' ? 'recognise.score_match' : 'recognise.score_best', { score: figures[0], threshold });
}

/** With one digit more where a score and the threshold would print alike. */
export function inFigures(threshold, scores) {
  const close = scores.some((score) => Math.abs(score - threshold) < 0.01);
  return [threshold, ...scores].map((value) => figure(value, close ? 3 : 2));
}

function figure(value, digits) {
  const rounded = Number(value.toFixed(digits)) || 0; // Never "-0".
  return number(rounded, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function basisInWords({ gallery: { subjects, samples }, fpir, model }) {
  if (!subjects) return t('recognise.nobody_registered');
  const photos = t('recognise.photos', { n: samples });
  const compared = t('recognise.compared', { photos, people: t('recognise.people', { n: subjects }), model });
  return fpir ? `${compared} ${promise(fpir)}` : compared;
}

/** What stands behind the threshold, in sentences. */
export function promiseInWords({ gallery: { subjects }, fpir, threshold, raised_by: raised }) {
  if (!fpir) return t('recognise.no_promise');
  if (outOfReach(threshold)) return `${promise(fpir)} ${t('recognise.cannot_be_kept', { people: t('recognise.people', { n: subjects }) })}`;
  const sentences = [promise(fpir), t('recognise.takes', { threshold: figure(threshold, 2), people: t('recognise.people', { n: subjects }) })];
  if (raised >= 0.005) sentences.push(t('recognise.raised', { by: figure(raised, 2) }));
  return sentences.join(' ');
}

/** Cosines end at 1: a threshold beyond says that none keeps the promise. */
export function outOfReach(threshold) {
  return threshold > 1;
}

// Rounded so that "at most" stays true.
function promise(rate) {
  return t('recognise.promise', { odds: Math.floor(1 / rate + 1e-9) });
}

/** How sure the face comes before the next: "Ben, 0.12, that is 0.50 behind"; empty where there is no next. */
export function runnerUpInWords({ candidates: [best, next] }) {
  if (!next) return '';
  return t('recognise.runner_up', { name: inSentence(next.name), score: figure(next.score, 2), margin: figure(best.score - next.score, 2) });
}

/** What speaks against the face, or that nothing does. */
export function qualityInWords({ quality }) {
  if (!quality.reasons.length) return t('recognise.quality_good');
  return quality.reasons.map(({ code }) => t(`quality.${code}`)).join(' ');
}
