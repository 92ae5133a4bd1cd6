// Register's question when a face and a name do not go together: both faces, and what can be meant by them.

import { cropFace } from './photo.js';
import { inFigures, inSentence } from './words.js';

const SIDE = 176; // CSS pixels, at most
const MARGIN = 0.4; // As much as the stored photo beside it shows.

const QUESTIONS = {
  already_registered_as: ({ known, name, score, threshold }) => ({
    title: `This face is registered already, as ${known}`,
    score: `Score ${score}, a match from ${threshold}`,
    answers: [
      ['add', `Add it to ${known}`],
      ['duplicate', `It is somebody else: register as ${name}`],
      ['back', 'Back'],
    ],
  }),
  name_belongs_to_another_face: ({ known, score, threshold }) => ({
    title: `${known} is registered with another face`,
    score: `Score ${score}, where one person's photos should reach ${threshold}`,
    answers: [
      ['back', 'Choose another name'],
      ['mismatch', `It is ${known} all the same`],
    ],
  }),
};
const LOOKS = ['button button-wide', 'button button-wide button-quiet', 'button button-wide button-plain'];

const $ = (id) => document.getElementById(id);

/** A refusal that is a question: which of the two is meant? */
export function isQuestion(problem) {
  return problem.code in QUESTIONS && problem.subject !== null;
}

/** Calls `onAnswer` with add, duplicate, mismatch or back. */
export function ask(problem, name, onAnswer) {
  const { subject } = problem;
  const [threshold, score] = inFigures(problem.threshold, [subject.score]);
  const known = inSentence(subject.name);
  const question = QUESTIONS[problem.code]({ known, name: inSentence(name), score, threshold });
  $('choice-title').textContent = question.title;
  $('choice-score').textContent = question.score;
  $('choice-known').src = `/api/samples/${subject.sample_id}.jpg`;
  $('choice-known').alt = `The stored photo of ${known}`;
  $('choice-known-name').textContent = known;
  $('choice-new').replaceChildren();
  $('choice-answers').replaceChildren(...question.answers.map(([answer, text], index) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = LOOKS[index];
    button.dataset.testid = `choice-${answer}`;
    button.textContent = text;
    button.addEventListener('click', () => onAnswer(answer));
    return button;
  }));
  $('choice-title').focus({ preventScroll: true });
  $('choice').scrollIntoView({ block: 'nearest' });
}

/** The face asked about, when it is found in its photo. */
export function showNewFace(picture, box, size) {
  const canvas = cropFace(picture, box, size, SIDE, MARGIN);
  if (!canvas) {
    $('choice-new').textContent = 'This browser cannot show the photo';
    return;
  }
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', 'The face in this photo');
  $('choice-new').replaceChildren(canvas);
}
