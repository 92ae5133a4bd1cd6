// What has come of it: who is registered with how many photos, and what to do next.

import { t } from './texts.js';
import { inSentence } from './words.js';

const $ = (id) => document.getElementById(id);

export class Result {
  name = '';

  /** The root says with data-first whether nobody was registered before. */
  constructor(root) {
    this.root = root;
  }

  /** left: photos that were not sent because they would not do. Returns the same in a sentence, to be read aloud. */
  show({ subject, results, left, crop }) {
    this.name = subject.name;
    const kept = results.filter(({ state }) => state === 'kept').length;
    const n = results.length + left;
    const who = inSentence(subject.name);
    const title = t(kept ? 'register.is_registered' : 'register.is_here', { name: who });
    const stored = t('register.stored', { n: subject.samples });
    const details = kept ? [...(n > 1 ? [t('register.kept_of', { kept, n })] : []), stored] : [t('register.nothing_changed'), stored];
    this.root.dataset.kind = kept ? 'new' : 'already';
    $('result-title').textContent = title;
    $('result-count').textContent = details.join(' ');
    $('result-crop').src = crop;
    $('another').textContent = t('register.add_more', { name: who });
    this.#lead();
    $('result-title').focus({ preventScroll: true });
    this.root.scrollIntoView({ block: 'nearest' });
    return `${title}. ${details.join(' ')}`;
  }

  // Whoever registers the first person wants to see it work; whoever registers many goes on.
  #lead() {
    const first = this.root.hasAttribute('data-first');
    const leading = first ? $('go-recognise') : $('someone-else');
    for (const next of [$('go-recognise'), $('another'), $('someone-else')]) next.classList.toggle('button-quiet', next !== leading);
    $('result-next').prepend(leading);
    this.root.removeAttribute('data-first');
  }
}
