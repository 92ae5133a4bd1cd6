// People: a grid that is searched while typing and goes on while scrolling. The server renders it; this puts it together.

import { Problem, part } from './api.js';
import { button } from './elements.js';
import { debounced, latest } from './latest.js';
import './notice.js';
import { cameBack, leave } from './place.js';
import { t } from './texts.js';

const AHEAD = '900px'; // The next people are fetched before the last ones are seen.
const TYPING = 40; // ms; hands are slower, so most keys are answered at once

const $ = (id) => document.getElementById(id);
const search = $('search');
const fetchList = latest((signal, address) => part(address, signal));
const fetchMore = latest((signal, address) => part(address, signal));

// --- the list ---

function address(values = {}) {
  const given = { q: $('q')?.value.trim() ?? '', sort: $('sort')?.value ?? '', ...values };
  return `/people?${new URLSearchParams(Object.entries(given).filter(([, value]) => value))}`;
}

/** The list anew, for what is in the form. */
async function find() {
  const wanted = address();
  const list = await answered(fetchList(wanted), find);
  if (!list) return;
  history.replaceState(null, '', wanted);
  take(list);
  scrollTo({ top: 0 });
  remember();
}

/** The same list, as long as it is, after a change. */
async function refresh() {
  const list = await answered(fetchList(address({ shown: tiles().length })), refresh);
  if (!list) return;
  if (!search !== !list.getElementById('search')) location.reload(); // The first person came, or the last one went.
  take(list);
}

async function more() {
  const link = $('more')?.querySelector('a');
  if (!link) return;
  watcher.disconnect();
  const list = await answered(fetchMore(link.href), more);
  if (!list || !link.isConnected) return;
  $('found').append(...list.getElementById('found').children);
  link.parentElement.remove();
  watch();
  remember();
}

function take(list) {
  const putBack = keepFaces(list);
  const at = document.activeElement?.closest('.tile-person')?.getAttribute('href');
  $('found').replaceChildren(...list.getElementById('found').childNodes);
  putBack();
  if (at) tiles().find((tile) => tile.getAttribute('href') === at)?.focus({ preventScroll: true });
  $('total').textContent = list.getElementById('total').textContent;
  watch();
}

/** Faces that are seen already are not fetched again; one that goes through another document would be. */
function keepFaces(list) {
  const seen = new Map();
  for (const image of document.querySelectorAll('.tile-person img')) if (image.complete) seen.set(image.src, image);
  const kept = [];
  for (const image of list.querySelectorAll('.tile-person img')) {
    if (!seen.has(image.src)) continue;
    kept.push([image.parentElement, seen.get(image.src)]);
    image.remove();
  }
  return () => kept.forEach(([frame, image]) => frame.append(image));
}

/** What was answered; a refusal is said, with a way to try again. */
async function answered(asked, retry) {
  try {
    const list = await asked;
    if (list) say(null);
    return list;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem, retry);
    return undefined;
  }
}

function say(problem, retry) {
  $('message').textContent = problem ? problem.said : '';
  if (!problem) return;
  const again = button(t('people.retry'), 'button button-quiet');
  again.addEventListener('click', retry);
  $('message').append(' ', again);
}

// --- scrolling ---

const watcher = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) more();
}, { rootMargin: AHEAD });

function watch() {
  watcher.disconnect();
  if ($('more')) watcher.observe($('more'));
}

function tiles() {
  return [...document.querySelectorAll('.tile-person')];
}

/** Which person is where: heights above are guessed until they are seen. */
function remember() {
  const page = [...document.querySelectorAll('.people')].find((one) => one.getBoundingClientRect().bottom > 0);
  const tile = [...(page?.querySelectorAll('.tile-person') ?? [])].find((one) => one.getBoundingClientRect().bottom > 0);
  const all = tiles();
  leave({ shown: all.length, first: scrollY ? all.indexOf(tile) : 0, top: scrollY && tile ? tile.getBoundingClientRect().top : 0 });
}

async function backToPlace() {
  const place = cameBack();
  if (place) {
    history.scrollRestoration = 'manual';
    if (place.shown > tiles().length) {
      const list = await answered(fetchList(address({ shown: place.shown })), backToPlace);
      if (list) take(list);
    }
    if (place.first > 0) {
      bring(place);
      await new Promise(requestAnimationFrame); // What is above has its true height now.
      bring(place);
    }
  }
  remember();
}

function bring({ first, top }) {
  const tile = tiles()[first];
  tile?.scrollIntoView({ block: 'start', behavior: 'instant' });
  if (tile) scrollBy({ top: tile.getBoundingClientRect().top - top, behavior: 'instant' });
}

// --- the keyboard in the grid ---

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 'up', ArrowDown: 'down' };

function step(event) {
  const from = event.target.closest?.('.tile-person');
  const to = STEPS[event.key];
  if (!from || !to || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const all = tiles();
  const columns = getComputedStyle(from.closest('.people')).gridTemplateColumns.split(' ').length;
  const by = { up: -columns, down: columns }[to] ?? to;
  all[all.indexOf(from) + by]?.focus();
}

// --- what happens ---

if (search) {
  const typed = debounced(find, TYPING);
  $('q').addEventListener('input', typed);
  $('sort').addEventListener('change', find);
  search.addEventListener('submit', (event) => {
    event.preventDefault();
    find();
  });
}
$('found').addEventListener('keydown', step);
$('found').addEventListener('click', (event) => {
  if (event.target.closest('#more')) {
    event.preventDefault();
    more();
  }
  if (event.target.closest('#clear')) {
    event.preventDefault();
    $('q').value = '';
    $('q').focus();
    find();
  }
});
addEventListener('scrollend', remember);
addEventListener('pagehide', remember);
document.addEventListener('undone', refresh);
// Out of the browser's memory: what was changed meanwhile is not in it.
addEventListener('pageshow', (event) => {
  if (event.persisted) refresh();
});

watch();
backToPlace();
