// Who may sign in, and the keys of programs: made, changed and taken away.

import { addAccount, addKey, changeAccount, changePassword, part, Problem, removeAccount, revokeKey } from './api.js';
import { ask, openDialog } from './dialog.js';
import { button, element } from './elements.js';
import { failed, notify } from './notice.js';
import { t } from './texts.js';
import { localise } from './when.js';

const found = document.getElementById('found');
const title = document.getElementById('title');

async function refresh(text) {
  try {
    const page = await part('/accounts');
    localise(page);
    found.replaceChildren(...page.getElementById('found').childNodes);
    document.querySelector('[data-testid=lead]').textContent = page.querySelector('[data-testid=lead]').textContent;
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    location.reload(); // One's own account is gone: to the door.
    return;
  }
  if (text) notify({ text });
  title.focus({ preventScroll: true });
}

// -- forms ---------------------------------------------------------------------------------------

const FORMS = {
  'add-account': async (given) => {
    const first = !found.querySelector('[data-testid=account]');
    await addAccount(given);
    if (first) location.reload(); // From now on everybody signs in.
    else await refresh(t('accounts.now_added', { name: given.name }));
  },
  'add-key': async (given) => {
    const { key, name } = await addKey(given);
    await refresh();
    await show(name, key);
  },
  'own-password': async (given) => {
    await changePassword(given);
    await refresh(t('accounts.now_changed'));
  },
};

found.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const error = form.querySelector('[data-error]');
  error.textContent = '';
  try {
    await FORMS[form.id](Object.fromEntries(new FormData(form)));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    error.textContent = problem.said;
    form.querySelector('input').focus();
  }
});

/** A new key, this once. */
async function show(name, key) {
  const copy = button(t('accounts.copy'), 'button', { data: { testid: 'copy' } });
  const { close, closed } = openDialog(t('accounts.key_made', { name }), [
    element('div', { className: 'dialog-body' },
      element('p', { textContent: t('accounts.key_once') }),
      element('p', { className: 'key-shown', textContent: key, tabIndex: 0, data: { testid: 'key-shown' } })),
    element('div', { className: 'answers' }, copy),
  ]);
  copy.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(key);
    close();
  });
  copy.focus();
  await closed;
}

// -- lines ---------------------------------------------------------------------------------------

async function newPassword({ id, name }) {
  const password = element('input', { type: 'password', id: 'asked', maxLength: 200, autocomplete: 'new-password', data: { testid: 'asked-password' } });
  const answer = await ask(t('accounts.new_password_of', { name }), [
    element('label', { htmlFor: 'asked', textContent: t('accounts.new_password') }), password,
    element('p', { className: 'help', textContent: `${t('accounts.password_help')} ${t('accounts.signs_out', { name })}` }),
  ], [['change', t('accounts.change')], ['', t('people.cancel'), 'button-plain']]);
  if (!answer) return;
  await changeAccount(id, { password: password.value });
  await refresh(t('accounts.now_changed'));
}

async function remove({ id, name }) {
  const answer = await ask(t('accounts.remove_title', { name }), [element('p', { textContent: t('accounts.remove_what', { name }) })], [
    ['remove', t('accounts.remove'), 'button-danger'], ['', t('people.cancel'), 'button-plain'],
  ]);
  if (!answer) return;
  await removeAccount(id);
  await refresh(t('accounts.now_removed', { name }));
}

async function revoke({ id, name }) {
  const answer = await ask(t('accounts.revoke_title', { name }), [element('p', { textContent: t('accounts.revoke_what') })], [
    ['revoke', t('accounts.revoke'), 'button-danger'], ['', t('people.cancel'), 'button-plain'],
  ]);
  if (!answer) return;
  await revokeKey(id);
  await refresh(t('accounts.now_revoked', { name }));
}

const CLICKS = { '[data-password]': newPassword, '[data-remove]': remove, '[data-revoke]': revoke };

found.addEventListener('click', async (event) => {
  for (const [selector, act] of Object.entries(CLICKS)) {
    const clicked = event.target.closest(selector);
    if (!clicked) continue;
    try {
      await act(clicked.closest('.change').dataset);
    } catch (problem) {
      failed(problem);
    }
    return;
  }
});

found.addEventListener('change', async (event) => {
  if (!event.target.matches('[data-role]')) return;
  const { id, name } = event.target.closest('.change').dataset;
  try {
    await changeAccount(id, { role: event.target.value });
    await refresh(t('accounts.now_role', { name, role: event.target.selectedOptions[0].textContent }));
  } catch (problem) {
    await refresh();
    failed(problem);
  }
});

localise(document);
document.documentElement.dataset.ready = '';
