// Two records of one person: which name stays?

import { ask } from './dialog.js';
import { element, face, named } from './elements.js';
import { t } from './texts.js';

/** Shows both and says what will happen; undo: whether it can be taken back, in words. Resolves to {from, into} of the two, or null. */
export async function askMerge(one, other, undo) {
  const both = [one, other];
  const what = element('p', { role: 'status', data: { testid: 'merge-what' } });
  const cards = both.map((person) => {
    const radio = element('input', { type: 'radio', name: 'stays', value: person.id, checked: person === other });
    radio.addEventListener('change', say);
    return element('label', { className: 'stays', data: { testid: 'stays' } }, radio, face(person.cover),
      named('span', person.name, 'stays-name'), element('span', { className: 'quiet', textContent: t('people.photos', { n: person.samples }) }));
  });
  const pair = element('fieldset', { className: 'pair-stays' }, element('legend', { textContent: t('people.merge_which') }), ...cards);
  const stays = () => both.find((person) => person.id === pair.querySelector(':checked').value);

  function say() {
    const into = stays();
    const from = both.find((person) => person !== into);
    what.textContent = t('people.merge_what', { from: from.name, into: into.name, n: from.samples });
  }

  say();
  const answer = await ask(t('people.merge_title'), [pair, what, element('p', { className: 'help', textContent: undo })], [
    ['merge', t('people.merge_go')],
    ['', t('people.cancel'), 'button-plain'],
  ]);
  if (!answer) return null;
  const into = stays();
  return { from: both.find((person) => person !== into), into };
}
