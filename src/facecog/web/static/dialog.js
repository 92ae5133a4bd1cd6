// Questions. The browser's own dialog holds the focus, closes on Escape and gives the focus back.

import { button, element } from './elements.js';
import { t } from './texts.js';

let last = 0;

/** A dialog that is open, and what becomes of it: `close(answer)` ends it, null means it was left. */
export function openDialog(title, body, { className = '' } = {}) {
  last += 1;
  const heading = element('h2', { id: `dialog-${last}`, textContent: title });
  const leave = button('', 'round dialog-close', { ariaLabel: t('people.close'), data: { testid: 'close' } });
  const dialog = element('dialog', { className: `dialog ${className}`, data: { testid: 'dialog' } },
    element('div', { className: 'dialog-head' }, heading, leave), ...body);
  dialog.setAttribute('aria-labelledby', heading.id);
  document.body.append(dialog);
  let answer = null;
  const close = (value = null) => {
    answer = value;
    dialog.close();
  };
  leave.addEventListener('click', () => close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close(); // The ground around it: what is in it has elements of its own.
  });
  const closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
  });
  dialog.showModal();
  return { dialog, heading, close, closed };
}

/** Asks once. answers: [value, text, look]; the first without danger has the focus. Resolves to the value, or null. */
export async function ask(title, body, answers) {
  const buttons = answers.map(([value, text, look = '']) => button(text, `button ${look}`, { value, data: { testid: `answer-${value}` } }));
  const asked = openDialog(title, [
    element('div', { className: 'dialog-body' }, ...body),
    element('div', { className: 'answers' }, ...buttons),
  ]);
  for (const one of buttons) one.addEventListener('click', () => asked.close(one.value || null));
  buttons.find((one) => !one.classList.contains('button-danger')).focus({ preventScroll: true }); // What is long is read from its top.
  return asked.closed;
}
