// The question when a face and a name do not go together: both faces, and what can be meant by them. Used by any page:
//
//   in the template, the macro question of _naming.html:  {{ question("choice") }}
//
//   const choice = new Choice(document.getElementById('choice'));
//   const answer = await choice.ask(problem, name, picture);     add, duplicate, mismatch or back
//
// picture: of photo.js, from which the face asked about is cut; without an image it is said that there is none to show.

import { cropFace } from './photo.js';
import { t } from './texts.js';
import { inFigures, inSentence } from './words.js';

const SIDE = 176; // CSS pixels, at most
const MARGIN = 0.4; // As much as the stored photo beside it shows.

const QUESTIONS = {
  already_registered_as: {
    title: 'naming.registered_as',
    score: 'naming.score_match',
    answers: [['add', 'naming.add_to'], ['duplicate', 'naming.somebody_else'], ['back', 'naming.back']],
  },
  name_belongs_to_another_face: {
    title: 'naming.another_face',
    score: 'naming.score_mismatch',
    answers: [['back', 'naming.another_name'], ['mismatch', 'naming.all_the_same']],
  },
};
const LOOKS = ['button button-wide', 'button button-wide button-quiet', 'button button-wide button-plain'];

/** A refusal that is a question: which of the two is meant? */
export function isQuestion(problem) {
  return problem.code in QUESTIONS && problem.subject !== null;
}

export class Choice {
  #parts;

  constructor(root) {
    this.root = root;
    this.#parts = Object.fromEntries([...root.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]));
  }

  /** Shows itself and resolves to the answer; the page decides what is seen beside it and where the focus goes then. */
  ask(problem, name, picture) {
    const { title, score, answers } = QUESTIONS[problem.code];
    const [threshold, figure] = inFigures(problem.threshold, [problem.subject.score]);
    const values = { known: inSentence(problem.subject.name), name: inSentence(name), score: figure, threshold };
    this.#parts.title.textContent = t(title, values);
    this.#parts.score.textContent = t(score, values);
    this.#showFaces(problem, values.known, picture);
    this.root.hidden = false;
    return new Promise((resolve) => {
      const close = (answer) => {
        this.root.hidden = true;
        resolve(answer);
      };
      this.#parts.answers.replaceChildren(...answers.map(([answer, text], index) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = LOOKS[index];
        button.dataset.testid = `choice-${answer}`;
        button.textContent = t(text, values);
        button.addEventListener('click', () => close(answer));
        return button;
      }));
      this.#parts.title.focus({ preventScroll: true });
      this.root.scrollIntoView({ block: 'nearest' });
    });
  }

  #showFaces({ subject, faces: [face], image }, known, picture) {
    this.#parts.known.src = `/api/samples/${subject.sample_id}.jpg`;
    this.#parts.known.alt = t('naming.stored_photo', { known });
    this.#parts['known-name'].textContent = known;
    const canvas = face && picture ? cropFace(picture, face.box, image, SIDE, MARGIN) : null;
    if (!canvas) {
      this.#parts.new.textContent = t('naming.cannot_show');
      return;
    }
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', t('naming.new_face'));
    this.#parts.new.replaceChildren(canvas);
  }
}
