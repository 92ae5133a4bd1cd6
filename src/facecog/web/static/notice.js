// Notices: what was just done, and its Undo. They stay a while, as long as somebody is at them, and outlive a page.

import { Problem, undoChange } from './api.js';
import { button, element } from './elements.js';
import { t } from './texts.js';

const STAYS = 30_000; // ms
const KEPT = 'facecog.notice';

const root = document.getElementById('toasts');

/**
 * Says what was done. changes: what the API answered to it, null where there is nothing to undo;
 * link: [text, address]. Afterwards scripts hear `undone` on the document.
 */
export function notify({ text, changes = [], link = null }) {
  const ids = changes.filter(Boolean).map((change) => change.id ?? change);
  const { toast, row } = show(text, link);
  if (ids.length) {
    const undo = button(t('changes.undo'), 'button toast-undo', { data: { testid: 'undo' } });
    undo.addEventListener('click', () => takeBack(ids, toast, undo));
    row.prepend(undo);
  }
  stays(toast);
  return toast;
}

/** The same on the page that is opened next. */
export function notifyThere(address, notice) {
  const changes = (notice.changes ?? []).filter(Boolean).map((change) => change.id);
  sessionStorage.setItem(KEPT, JSON.stringify({ ...notice, changes }));
  location.assign(address);
}

/** What went wrong, until it is closed. */
export function failed(problem) {
  if (!(problem instanceof Problem)) throw problem;
  const { toast } = show(problem.said, null);
  toast.dataset.kind = 'refused';
  toast.setAttribute('role', 'alert');
  return toast;
}

/** The keyboard goes on from the notice: what it was at is gone. */
export function focusNotice() {
  root.querySelector('.toast')?.focus({ preventScroll: true });
}

function show(text, link) {
  const row = element('div', { className: 'toast-row' });
  if (link) row.append(element('a', { className: 'button button-plain', href: link[1], textContent: link[0] }));
  const close = button('', 'round dialog-close', { ariaLabel: t('changes.close'), data: { testid: 'close-notice' } });
  close.addEventListener('click', () => drop(toast));
  row.append(close);
  const toast = element('div', { className: 'toast', tabIndex: -1, data: { testid: 'notice' } }, element('p', { textContent: text }), row);
  root.replaceChildren(toast); // One at a time: the last one. The others are among the changes.
  return { toast, row };
}

async function takeBack(ids, toast, undo) {
  undo.disabled = true;
  try {
    let subject = null;
    for (const id of [...ids].reverse()) ({ subject } = await undoChange(id));
    const said = notify({ text: t('changes.undone'), link: [t('changes.show', { name: subject.name }), `/people/${subject.id}`] });
    said.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent('undone', { detail: subject }));
  } catch (problem) {
    failed(problem).focus({ preventScroll: true });
  }
}

// The clock stands still while somebody points at the notice or is in it.
function stays(toast) {
  let timer = 0;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => drop(toast), STAYS);
  };
  const stop = () => clearTimeout(timer);
  for (const event of ['pointerenter', 'focusin']) toast.addEventListener(event, stop);
  for (const event of ['pointerleave', 'focusout']) toast.addEventListener(event, start);
  start();
}

function drop(toast) {
  const held = toast.contains(document.activeElement);
  toast.remove();
  if (held) document.querySelector('h1')?.focus({ preventScroll: true });
}

function fromBefore() {
  const kept = sessionStorage.getItem(KEPT);
  if (!kept) return;
  sessionStorage.removeItem(KEPT);
  notify(JSON.parse(kept));
}

// Control or Command and Z, where it does not belong to a text.
document.addEventListener('keydown', (event) => {
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if (event.target.matches('input, textarea')) return;
  const undo = root.querySelector('.toast-undo:not(:disabled)');
  if (!undo || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  undo.click();
});

fromBefore();
