// A person: name, photos, and what can be done with them. The server renders the page; after a change it is taken anew.

import { deletePerson, erasePerson, merge, moveSample, part, Problem, removeSample, rename } from './api.js';
import { choosePerson, personNamed } from './chooser.js';
import { changeEnd, showReceipt, withdraw } from './claims.js';
import { ask } from './dialog.js';
import { element } from './elements.js';
import { showLarge } from './large.js';
import { askMerge } from './merge.js';
import { failed, focusNotice, notify, notifyThere } from './notice.js';
import { comeBack, listAddress } from './place.js';
import { may } from './rights.js';
import { t } from './texts.js';
import { localise } from './when.js';

const $ = (id) => document.getElementById(id);

/** The person of this page, as the API shows people. */
function me() {
  const { id, name, samples, cover } = $('person').dataset;
  return { id, name, samples: Number(samples), cover: cover ? `/api/samples/${cover}.jpg` : null };
}

/** Whether what is asked about can be taken back, and for how long. */
function undoInWords() {
  const hours = Number($('person').dataset.hours);
  return hours ? t('people.can_undo', { n: hours }) : t('people.cannot_undo');
}

/** Runs what was asked for; what goes wrong is said in a notice. */
async function attempt(act) {
  try {
    return await act();
  } catch (problem) {
    return failed(problem);
  }
}

// --- the page ---

async function refresh() {
  const page = await part(location.pathname);
  $('person').replaceWith(page.getElementById('person'));
  document.title = document.title.replace(/^.*(?= · )/s, me().name);
  begin();
}

async function more(link) {
  const page = await part(link.href);
  localise(page);
  $('samples').append(...page.getElementById('samples').children);
  const next = page.getElementById('more');
  if (next) $('more').replaceWith(next);
  else $('more').remove();
}

function begin() {
  localise($('person'));
  $('back').href = listAddress();
  countPicked();
}

// --- the name ---

function editName(open) {
  $('rename-form').hidden = !open;
  $('rename').parentElement.classList.toggle('sr', open); // The page keeps its heading.
  $('rename').hidden = open;
  nameError('');
  if (!open) return $('rename').focus();
  $('new-name').value = me().name;
  $('new-name').focus();
  return $('new-name').select();
}

async function saveName() {
  const [was, name] = [me().name, $('new-name').value];
  try {
    const { change, ...subject } = await rename(me().id, name);
    await refresh();
    notify({ text: t('changes.now_renamed', { name: was, other: subject.name }), changes: [change] });
    $('name').focus({ preventScroll: true });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    nameError(problem.said);
    $('new-name').focus();
    if (problem.code === 'name_taken') await offerMerge(name);
  }
}

async function offerMerge(name) {
  const other = await personNamed(name).catch(() => null);
  if (!other) return;
  $('rename-merge').textContent = t('people.merge_with', { name: other.name });
  $('rename-merge').hidden = false;
  $('rename-merge').onclick = () => attempt(() => mergeWith(other));
}

function nameError(text) {
  $('rename-error').textContent = text;
  $('new-name').setAttribute('aria-invalid', String(Boolean(text)));
  $('rename-merge').hidden = true;
}

// --- the person ---

async function mergeWith(other) {
  const chosen = await askMerge(me(), other, undoInWords());
  if (!chosen) return;
  const { from, into } = chosen;
  const { change } = await merge(from.id, into.id);
  const notice = { text: t('changes.now_merged', { name: from.name, other: into.name }), changes: [change] };
  if (into.id !== me().id) return notifyThere(`/people/${into.id}`, notice);
  await refresh();
  notify(notice);
  focusNotice();
}

async function mergeAny() {
  const chosen = await choosePerson(t('people.merge_choose', { name: me().name }), { except: me().id });
  if (chosen) await mergeWith(chosen.subject);
}

async function mergeWithId(id) {
  const page = await part(`/people/${id}`);
  const { name, samples, cover } = page.getElementById('person').dataset;
  await mergeWith({ id, name, samples: Number(samples), cover: cover ? `/api/samples/${cover}.jpg` : null });
}

async function deleteMe() {
  const { id, name, samples } = me();
  const answer = await ask(t('people.delete_title', { name }), [
    element('p', { textContent: `${t('people.delete_what', { n: samples })} ${undoInWords()}` }),
    ...(may('erase') ? [element('p', { className: 'help', textContent: t('people.erase_what') })] : []),
  ], [
    ['delete', t('people.delete_go')],
    ...(may('erase') ? [['forever', t('people.erase_go'), 'button-danger']] : []),
    ['', t('people.cancel'), 'button-plain'],
  ]);
  if (!answer) return;
  if (answer === 'forever') return erased(await erasePerson(id));
  const { change } = await deletePerson(id);
  comeBack();
  return notifyThere(listAddress(), { text: t('changes.now_deleted', { name }), changes: [change] });
}

async function erased(receipt) {
  const { name } = me();
  await showReceipt(receipt);
  comeBack();
  notifyThere(listAddress(), { text: t('changes.now_erased', { name }) });
}

async function withdrawMine() {
  const answer = await withdraw(me(), 'required' in $('rights').dataset);
  if (!answer) return;
  if (answer.receipt) return erased(answer.receipt);
  await refresh();
  notify({ text: t('rights.withdrawn') });
  focusNotice();
}

async function saveEnd() {
  await changeEnd(me().id, $('end').value);
  await refresh();
  notify({ text: t('rights.end_saved') });
  focusNotice();
}

// --- the photos ---

function tiles() {
  return [...document.querySelectorAll('.sample')];
}

function picked() {
  return tiles().filter((tile) => tile.querySelector('input').checked);
}

function pick(yes) {
  for (const tile of tiles()) tile.querySelector('input').checked = yes;
  countPicked();
}

function countPicked() {
  const count = picked().length;
  $('picked').hidden = !count;
  $('picked-count').textContent = count ? t('people.picked', { n: count }) : '';
  document.body.toggleAttribute('data-picking', count > 0);
}

async function move(chosen) {
  const to = await choosePerson(t('people.move_choose', { n: chosen.length }), { except: me().id, allowNew: true });
  if (!to) return;
  let target = to.subject ? { subject_id: to.subject.id } : { name: to.name };
  await change(chosen, async (id) => {
    const { change, subject } = await moveSample(id, target);
    target = { subject_id: subject.id }; // A new one is made only once.
    return { change, subject };
  }, (done) => {
    const { subject } = done.at(-1);
    return { text: t('changes.now_moved', { n: done.length, other: subject.name }), link: [t('changes.show', { name: subject.name }), `/people/${subject.id}`] };
  });
}

async function remove(chosen) {
  await change(chosen, removeSample, (done) => ({ text: t('changes.now_removed', { n: done.length }) }));
}

/** One photo after the other; what was done before something went wrong stays, and can be undone. */
async function change(chosen, act, notice) {
  const done = [];
  let problem = null;
  for (const tile of chosen) {
    try {
      done.push(await act(tile.dataset.id));
    } catch (error) {
      problem = error;
      break;
    }
  }
  if (done.length) {
    await refresh();
    notify({ ...notice(done), changes: done.map((one) => one.change) });
    focusNotice();
  }
  if (problem) throw problem;
}

async function large(tile) {
  const answer = await showLarge(tiles(), tile);
  if (!answer) return;
  const [what, chosen] = answer;
  await (what === 'move' ? move : remove)([chosen]);
}

// --- what happens ---

const CLICKS = {
  '#rename': () => editName(true),
  '#rename-cancel': () => editName(false),
  '#merge': mergeAny,
  '#delete': deleteMe,
  '[data-merge]': (button) => mergeWithId(button.dataset.merge),
  '#withdraw': withdrawMine,
  '#end-save': saveEnd,
  '#more a': more,
  '.sample-open': (link) => large(link.closest('.sample')),
  '#pick-all': () => pick(true),
  '#pick-none': () => {
    pick(false);
    $('name').focus({ preventScroll: true });
  },
  '#move': () => move(picked()),
  '#remove': () => remove(picked()),
};

$('main').addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  for (const [selector, act] of Object.entries(CLICKS)) {
    const clicked = event.target.closest(selector);
    if (!clicked) continue;
    event.preventDefault();
    attempt(() => act(clicked));
    return;
  }
  if (event.target.closest('#back')) comeBack();
});
$('main').addEventListener('change', (event) => {
  if (event.target.matches('.sample-pick input')) countPicked();
});
$('main').addEventListener('submit', (event) => {
  event.preventDefault();
  if (event.target.id === 'end-form') attempt(saveEnd);
  else saveName();
});
$('main').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (!$('rename-form').hidden) editName(false);
  else if (picked().length) pick(false);
});
document.addEventListener('undone', () => attempt(refresh));
addEventListener('pageshow', (event) => {
  if (event.persisted) attempt(refresh);
});
begin();
document.documentElement.dataset.ready = '';
