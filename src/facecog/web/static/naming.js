// The field for a name, with the people who are known already. Used by any page:
//
//   in the template, the macro name_field of _naming.html:  {{ name_field("name") }}
//   <link rel="stylesheet" href="…/naming.css">, sections: "naming", "errors"
//
//   const name = new NameField(document.getElementById('name-field'), { onInput: () => … });
//   name.value = 'Anna';        what is written, without the spaces around it
//   name.known                  the person of exactly this name {id, name, samples, cover}, else null
//   name.complain('…')          shows why the name will not do, and gives it the focus; '' takes it back
//
// It is a combobox of the ARIA pattern with a list: arrows choose, Enter takes, Escape closes.
// Enter with nothing chosen is left to the form around it.

import { findPeople } from './api.js';
import { t } from './texts.js';
import { inSentence, sameName } from './words.js';

const PAUSE = 150; // ms without a key before the server is asked
const MOST = 8; // people offered

export class NameField {
  #input;
  #parts;
  #people = []; // as offered
  #chosen = -1;
  #known = null;
  #asking = null;
  #timer = 0;

  constructor(root, { onInput = () => {} } = {}) {
    this.#input = root.querySelector('input');
    this.#parts = Object.fromEntries([...root.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]));
    this.onInput = onInput;
    this.#input.addEventListener('input', () => this.#typed());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => this.#close());
    this.#input.form?.addEventListener('submit', () => this.#close());
    this.#parts.options.addEventListener('pointerdown', (event) => this.#pressed(event));
    this.#parts.options.addEventListener('click', (event) => this.#clicked(event));
  }

  get value() {
    return this.#input.value.trim();
  }

  set value(name) {
    this.#input.value = name;
    this.complain('');
    this.#know(null);
    if (name) this.#ask(false);
  }

  get known() {
    return this.#known;
  }

  complain(text) {
    this.#parts.error.textContent = text;
    this.#input.setAttribute('aria-invalid', String(Boolean(text)));
    if (text) this.focus();
  }

  focus() {
    this.#input.focus();
  }

  select() {
    this.#input.select();
  }

  set disabled(yes) {
    this.#input.readOnly = yes;
    if (yes) this.#close();
  }

  #typed() {
    this.complain('');
    this.#know(null);
    this.#close();
    if (this.value) this.#timer = setTimeout(() => this.#ask(true), PAUSE);
    this.onInput();
  }

  // Completion is a kindness: where the server does not answer, the field goes without.
  async #ask(offer) {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const name = this.value;
    const { subjects } = await findPeople(name, MOST, signal).catch(() => ({ subjects: [] }));
    if (signal.aborted || name !== this.value) return;
    this.#know(subjects.find((person) => sameName(person.name, name)) ?? null);
    // The one who is written out already needs no list: the line under the field says so.
    const more = subjects.length > 1 || !this.#known;
    if (offer && more && document.activeElement === this.#input) this.#offer(subjects);
  }

  #offer(people) {
    this.#people = people;
    this.#parts.options.replaceChildren(...people.map((person, index) => this.#option(person, index)));
    this.#parts.options.hidden = !people.length;
    this.#input.setAttribute('aria-expanded', String(people.length > 0));
    if (people.length) this.#parts.announce.textContent = t('naming.found', { n: people.length });
  }

  #option(person, index) {
    const option = document.createElement('li');
    const name = document.createElement('span');
    const count = document.createElement('span');
    option.id = `${this.#parts.options.id}-${index}`;
    option.role = 'option';
    option.className = 'naming-option';
    option.dataset.index = index;
    option.setAttribute('aria-selected', 'false');
    name.className = 'naming-name';
    name.dir = 'auto';
    name.textContent = person.name;
    count.className = 'naming-count';
    count.textContent = t('naming.photos', { n: person.samples });
    option.append(portrait(person), name, count);
    return option;
  }

  #key(event) {
    if (event.isComposing) return; // Enter ends a word of an input method, and chooses nobody.
    const open = !this.#parts.options.hidden;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) {
      event.preventDefault();
      if (open) this.#choose(this.#chosen + moves[event.key]);
      else if (this.value) this.#ask(true);
    } else if (event.key === 'Enter' && open && this.#chosen >= 0) {
      event.preventDefault();
      this.#take(this.#people[this.#chosen]);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    }
  }

  // Past either end lies the field itself, as it was written.
  #choose(index) {
    const options = [...this.#parts.options.children];
    const places = options.length + 1;
    this.#chosen = ((index + 1 + places) % places) - 1;
    options.forEach((option, place) => option.setAttribute('aria-selected', String(place === this.#chosen)));
    const option = options[this.#chosen];
    if (option) this.#input.setAttribute('aria-activedescendant', option.id);
    else this.#input.removeAttribute('aria-activedescendant');
    option?.scrollIntoView({ block: 'nearest' });
  }

  #pressed(event) {
    event.preventDefault(); // The focus stays in the field.
  }

  #clicked(event) {
    const option = event.target.closest('[role=option]');
    if (option) this.#take(this.#people[option.dataset.index]);
  }

  #take(person) {
    this.#input.value = person.name;
    this.complain('');
    this.#know(person);
    this.#close();
    this.onInput();
  }

  #know(person) {
    this.#known = person;
    this.#parts.known.hidden = !person;
    this.#parts.known.replaceChildren();
    if (!person) return;
    const text = t('naming.is_known', { name: inSentence(person.name), n: person.samples });
    this.#parts.known.append(portrait(person), text);
    this.#parts.announce.textContent = text;
  }

  #close() {
    clearTimeout(this.#timer);
    this.#people = [];
    this.#chosen = -1;
    this.#parts.options.hidden = true;
    this.#input.setAttribute('aria-expanded', 'false');
    this.#input.removeAttribute('aria-activedescendant');
  }
}

/** A person's face in small, or their initials. */
function portrait({ name, cover }) {
  if (cover) {
    const image = document.createElement('img');
    image.className = 'portrait';
    image.alt = '';
    image.src = `${cover}?side=96`;
    return image;
  }
  const letters = document.createElement('span');
  letters.className = 'portrait';
  letters.setAttribute('aria-hidden', 'true');
  letters.textContent = initials(name);
  return letters;
}

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const first = [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => Array.from(word ?? '')[0] ?? '');
  return first.join('').toLocaleUpperCase();
}
