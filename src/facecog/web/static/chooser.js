// Choosing a person: faces, searched by name, or a new name.

import { findPeople, Problem } from './api.js';
import { openDialog } from './dialog.js';
import { button, element, face, named } from './elements.js';
import { debounced, latest } from './latest.js';
import { t } from './texts.js';
import { sameName } from './words.js';

const SHOWN = 40;
const TYPING = 80; // ms

/**
 * Asks for a person. except: the id of one who cannot be chosen; allowNew: a new name will do.
 * Resolves to {subject}, to {name}, or to null.
 */
export function choosePerson(title, { except, allowNew = false }) {
  const input = element('input', {
    type: 'search', id: 'choose-q', dir: 'auto', autocomplete: 'off', spellcheck: false, maxLength: 200,
    placeholder: t(allowNew ? 'people.choose_or_new' : 'people.search'), data: { testid: 'choose-q' },
  });
  const label = element('label', { className: 'sr', htmlFor: input.id, textContent: t('people.search') });
  const list = element('ul', { className: 'choices', data: { testid: 'choices' } });
  const status = element('p', { className: 'help', role: 'status' });
  const { dialog, close, closed } = openDialog(title, [
    element('div', { className: 'search-field' }, label, input), status, list,
  ], { className: 'dialog-choose' });

  const fetchPeople = latest((signal, q) => findPeople(q, SHOWN, signal));
  const find = async () => {
    const q = input.value.trim();
    try {
      const found = await fetchPeople(q);
      if (found) show(q, found);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      status.textContent = problem.said;
    }
  };

  function show(q, { subjects, total }) {
    const others = subjects.filter((one) => one.id !== except);
    const isNew = allowNew && q && !subjects.some((one) => sameName(one.name, q));
    list.replaceChildren(...(isNew ? [newName(q)] : []), ...others.map(choice));
    status.textContent = others.length || isNew
      ? (total > subjects.length ? t('people.choose_more', { n: total - subjects.length }) : '')
      : t(q ? 'people.choose_nothing' : 'people.choose_nobody');
  }

  function choice(one) {
    const made = element('button', { type: 'button', className: 'choice', data: { testid: 'choice' } },
      face(one.cover), named('span', one.name, 'choice-name'), element('span', { className: 'quiet', textContent: t('people.photos', { n: one.samples }) }));
    made.addEventListener('click', () => close({ subject: one }));
    return element('li', {}, made);
  }

  function newName(name) {
    const made = button(t('people.choose_new', { name }), 'choice choice-new', { data: { testid: 'choice-new' }, dir: 'auto' });
    made.addEventListener('click', () => close({ name }));
    return element('li', {}, made);
  }

  input.addEventListener('input', debounced(find, TYPING));
  dialog.addEventListener('keydown', (event) => step(event, input, list));
  input.focus();
  find();
  return closed;
}

/** The person of this very name, or null. */
export async function personNamed(name) {
  const { subjects } = await findPeople(name, SHOWN);
  return subjects.find((one) => sameName(one.name, name)) ?? null;
}

// Down from the field into the list, up and down in it; Enter in the field takes the only answer.
function step(event, input, list) {
  const choices = [...list.querySelectorAll('button')];
  const at = choices.indexOf(document.activeElement);
  if (event.key === 'Enter' && document.activeElement === input && choices.length === 1) choices[0].click();
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  (choices[to] ?? (to < 0 ? input : null))?.focus();
}
