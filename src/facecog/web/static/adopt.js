// "Register this person": a dialog with the face, a name field, and the question when face and name do not go together.

import { Agreement } from './agreement.js';
import { Choice } from './choice.js';
import { enrol } from './enrol.js';
import { NameField } from './naming.js';
import { centreOf, cropFace } from './photo.js';
import { toJpeg } from './camera.js';
import { t } from './texts.js';

const SIDE = 120; // CSS pixels
const MARGIN = 0.4;

export class Adopt {
  #sight = null;
  #sending = false;

  /** onDone(subject): registered, and the dialog closed. */
  constructor(dialog, onDone) {
    this.dialog = dialog;
    this.onDone = onDone;
    const inside = (id) => dialog.querySelector(`#${id}`);
    this.parts = { form: inside('adopt-form'), face: inside('adopt-face'), message: inside('adopt-message'), submit: inside('adopt-submit') };
    this.name = new NameField(inside('name-field'));
    this.agreement = new Agreement(dialog);
    this.choice = new Choice(inside('choice'));
    this.parts.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    inside('adopt-cancel').addEventListener('click', () => dialog.close());
  }

  /** sight: of faces.js. */
  ask(sight) {
    this.#sight = sight;
    const canvas = cropFace(sight.picture, sight.face.box, sight.image, SIDE, MARGIN);
    this.parts.face.replaceChildren(...(canvas ? [canvas] : []));
    this.name.value = '';
    this.agreement.clear();
    this.#say('');
    this.#busy(false);
    this.#ask(false);
    this.dialog.showModal();
    this.name.focus();
  }

  async #send() {
    if (this.#sending) return;
    if (!this.name.value) return this.name.complain(t('naming.name_first'));
    if (!this.agreement.given()) return undefined;
    const sight = this.#sight;
    this.#busy(true);
    this.#say('');
    const item = { ...(await photoOf(sight.picture)), near: centreOf(sight.face.box, sight.image) };
    const ask = (problem, name) => this.#question(problem, name, sight.picture);
    const { results: [result], subject, stopped } = await enrol(this.name.value, [item], { ask, also: this.agreement.also });
    if (sight !== this.#sight || !this.dialog.open) return; // Closed meanwhile: whatever came is seen at the next look.
    this.#busy(false);
    const problem = stopped === 'back' ? null : (stopped ?? result.problem);
    if (subject) {
      this.dialog.close();
      this.onDone(subject);
    } else if (problem?.code === 'invalid_name') this.name.complain(problem.said);
    else if (problem) this.#say(problem.said);
    else this.name.focus();
  }

  async #question(problem, name, picture) {
    this.#ask(true);
    const answer = await this.choice.ask(problem, name, picture);
    this.#ask(false);
    // The button that was pressed is gone; the keyboard goes on from the form.
    this.parts.submit.focus({ preventScroll: true });
    return answer;
  }

  #ask(yes) {
    this.parts.form.hidden = yes;
    this.choice.root.hidden = !yes;
  }

  #busy(yes) {
    this.#sending = yes;
    this.name.disabled = yes;
    this.parts.submit.setAttribute('aria-disabled', String(yes));
  }

  #say(text) {
    this.parts.message.dataset.kind = text ? 'refused' : '';
    this.parts.message.textContent = text;
  }
}

// A photo is sent as it came; a frame of the camera as a picture of its own.
async function photoOf({ file, image }) {
  if (file) return { photo: file, origin: 'photo' };
  return { photo: new File([await toJpeg(image, 0.95)], 'camera.jpg', { type: 'image/jpeg' }), origin: 'camera' };
}
