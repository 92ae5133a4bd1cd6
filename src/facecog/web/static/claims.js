// What a person may ask for, on their page: consent taken back, an end, and the receipt when they are erased.

import { setExpiry, withdrawConsent } from './api.js';
import { ask, openDialog } from './dialog.js';
import { button, element } from './elements.js';
import { listed, moment, t } from './texts.js';

/** Shows what was erased, until it is read. */
export async function showReceipt(receipt) {
  const kept = new Blob([JSON.stringify(receipt, null, 2)], { type: 'application/json' });
  const address = URL.createObjectURL(kept);
  const counts = { samples: receipt.samples.length, templates: receipt.templates, consents: receipt.consents, changes: receipt.changes };
  const numbers = Object.entries(counts).filter(([, n]) => n).map(([name, n]) => t(`rights.count_${name}`, { n }));
  const what = listed([t('rights.count_name'), ...numbers]);
  const save = element('a', { className: 'button button-quiet', href: address, download: `facecog-${receipt.subjects[0]}.json`, textContent: t('rights.receipt_save'), data: { testid: 'receipt-save' } });
  const done = button(t('people.close'), 'button');
  const { close, closed } = openDialog(t('rights.receipt'), [
    element('div', { className: 'dialog-body' },
      element('p', { textContent: t('rights.receipt_what', { what, at: moment(receipt.at) }) }),
      element('dl', { className: 'receipt', data: { testid: 'receipt' } }, ...Object.entries(receipt.places).map(place)),
      element('p', { className: 'help', textContent: t('rights.receipt_once') })),
    element('div', { className: 'answers' }, save, done),
  ]);
  done.addEventListener('click', () => close());
  done.focus({ preventScroll: true });
  await closed;
  URL.revokeObjectURL(address);
}

function place([name, outcome]) {
  return element('div', { data: { outcome, place: name } },
    element('dt', { textContent: t(`rights.place_${name}`) }),
    element('dd', { textContent: t(`rights.outcome_${outcome}`) }));
}

/** Asks, and takes back. Resolves to the API's answer, or null. */
export async function withdraw({ id, name }, erases) {
  const answer = await ask(t('rights.withdraw_title', { name }), [
    element('p', { textContent: t(erases ? 'rights.withdraw_erases' : 'rights.withdraw_noted') }),
  ], [
    ['', t('people.cancel'), 'button-plain'],
    ['withdraw', t('rights.withdraw'), erases ? 'button-danger' : ''],
  ]);
  return answer ? withdrawConsent(id) : null;
}

/** day: 2027-12-31, or empty. */
export async function changeEnd(id, day) {
  return setExpiry(id, day || null);
}
