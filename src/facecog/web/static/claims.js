// What a person may ask for, on their page: consent taken back, an end, and the receipt when they are erased.

import { setExpiry, withdrawConsent } from './api.js';
import { ask } from './dialog.js';
import { element } from './elements.js';
import { moment, t } from './texts.js';

/** Shows what was erased, until it is read. */
export async function showReceipt(receipt) {
  const kept = new Blob([JSON.stringify(receipt, null, 2)], { type: 'application/json' });
  const address = URL.createObjectURL(kept);
  const counts = { samples: receipt.samples.length, templates: receipt.templates, consents: receipt.consents, changes: receipt.changes };
  const what = Object.entries(counts).filter(([, n]) => n).map(([name, n]) => t(`rights.count_${name}`, { n })).join(', ');
  await ask(t('rights.receipt'), [
    element('p', { textContent: t('rights.receipt_what', { what, at: moment(receipt.at) }) }),
    element('ul', { className: 'receipt', data: { testid: 'receipt' } }, ...Object.entries(receipt.places).map(place)),
    element('p', {}, element('a', { href: address, download: `facecog-${receipt.subjects[0]}.json`, textContent: t('rights.receipt_save') })),
  ], [['', t('people.close')]]);
  URL.revokeObjectURL(address);
}

function place([name, outcome]) {
  return element('li', { data: { outcome } },
    element('span', { textContent: t(`rights.place_${name}`) }), ' ',
    element('span', { className: 'quiet', textContent: t(`rights.outcome_${outcome}`) }));
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
