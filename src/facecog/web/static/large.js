// A photo seen large, with all that is known of it, and its neighbours by arrow keys.

import { openDialog } from './dialog.js';
import { button, element } from './elements.js';
import { t } from './texts.js';

/** tiles: the photos of the page, `tile` the one to begin with. Resolves to [what to do, tile], or null. */
export function showLarge(tiles, tile) {
  const image = element('img', { className: 'large-photo', data: { testid: 'large' } });
  const words = element('div', { className: 'large-text', data: { testid: 'large-text' } });
  const [before, after] = [['people.before', 'before'], ['people.after', 'after']].map(([text, which]) => (
    button('', `round large-${which}`, { ariaLabel: t(text), data: { testid: which } })));
  const move = button(t('people.move'), 'button button-quiet', { data: { testid: 'large-move' } });
  const remove = button(t('people.remove'), 'button button-quiet', { data: { testid: 'large-remove' } });
  const { dialog, heading, close, closed } = openDialog('', [
    element('div', { className: 'large' }, image, before, after),
    words,
    element('div', { className: 'row' }, move, remove),
  ], { className: 'dialog-large' });
  let at = tiles.indexOf(tile);

  function show(place) {
    if (!tiles[place]) return;
    at = place;
    const here = tiles[at];
    image.src = here.querySelector('.sample-open').href;
    image.alt = here.querySelector('img').alt;
    heading.textContent = t('people.photo_place', { n: at + 1, of: tiles.length });
    words.replaceChildren(here.querySelector('.sample-text').cloneNode(true));
    const advice = here.querySelector('.sample-advice')?.cloneNode(true);
    if (advice) {
      advice.hidden = false;
      words.append(advice);
    }
    before.disabled = at === 0;
    after.disabled = at === tiles.length - 1;
  }

  before.addEventListener('click', () => show(at - 1));
  after.addEventListener('click', () => show(at + 1));
  dialog.addEventListener('keydown', ({ key }) => {
    if (key === 'ArrowLeft') show(at - 1);
    if (key === 'ArrowRight') show(at + 1);
  });
  move.addEventListener('click', () => close(['move', tiles[at]]));
  remove.addEventListener('click', () => close(['remove', tiles[at]]));
  show(at);
  return closed;
}
