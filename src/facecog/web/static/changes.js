// The changes that can still be undone, or erased for good.

import { eraseChange, part, Problem, undoChange } from './api.js';
import { ask } from './dialog.js';
import { element } from './elements.js';
import { failed, notify } from './notice.js';
import { t } from './texts.js';
import { localise } from './when.js';

const $ = (id) => document.getElementById(id);

async function refresh() {
  const page = await part('/changes');
  localise(page);
  $('found').replaceChildren(...page.getElementById('found').childNodes);
  if (!page.getElementById('erase-all')) $('erase-all')?.remove();
}

async function more(link) {
  const page = await part(link.href);
  localise(page);
  $('changes').append(...page.getElementById('changes').children);
  const next = page.getElementById('more');
  if (next) $('more').replaceWith(next);
  else $('more').remove();
}

async function undo(button) {
  const change = button.closest('.change');
  button.disabled = true;
  try {
    const { subject } = await undoChange(change.dataset.id);
    await refresh();
    notify({ text: t('changes.undone'), link: [t('changes.show', { name: subject.name }), `/people/${subject.id}`] });
    $('title').focus({ preventScroll: true });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    button.disabled = false;
    change.querySelector('[data-error]').textContent = problem.said;
    button.focus();
  }
}

async function erase(id) {
  const answer = await ask(t(id ? 'changes.erase_title' : 'changes.erase_all_title'), [
    element('p', { textContent: t(id ? 'changes.erase_what' : 'changes.erase_all_what') }),
  ], [
    ['erase', t('changes.erase'), 'button-danger'],
    ['', t('people.cancel'), 'button-plain'],
  ]);
  if (!answer) return;
  await eraseChange(id);
  await refresh();
  notify({ text: t(id ? 'changes.now_erased_one' : 'changes.now_erased_all') });
  $('title').focus({ preventScroll: true });
}

const CLICKS = {
  '[data-undo]': undo,
  '[data-erase]': (button) => erase(button.closest('.change').dataset.id),
  '#erase-all': () => erase(''),
  '#more a': more,
};

$('main').addEventListener('click', async (event) => {
  for (const [selector, act] of Object.entries(CLICKS)) {
    const clicked = event.target.closest(selector);
    if (!clicked) continue;
    event.preventDefault();
    try {
      await act(clicked);
    } catch (problem) {
      failed(problem);
    }
    return;
  }
});
addEventListener('pageshow', (event) => {
  if (event.persisted) refresh();
});
localise(document);
document.documentElement.dataset.ready = '';
