// Consent and keeping, of one collection: a change is saved once it was said what it means.

import { part, Problem, setConsentPolicy, setRetention } from './api.js';
import { ask } from './dialog.js';
import { element } from './elements.js';
import { failed, focusNotice, notify } from './notice.js';
import { number, t } from './texts.js';

const $ = (id) => document.getElementById(id);
const found = $('found');

/** The page as it is now, and the keyboard at what was done. */
async function saved() {
  found.replaceChildren(...(await part(location.pathname)).getElementById('found').childNodes);
  notify({ text: t('policies.saved') });
  focusNotice();
}

function unchanged() {
  notify({ text: t('policies.unchanged') });
}

/** Says what is wrong with a field, or nothing any more. Returns whether it is right. */
function complain(id, text) {
  $(`${id}-error`).textContent = text;
  $(id).setAttribute('aria-invalid', String(Boolean(text)));
  if (text) $(id).focus();
  return !text;
}

/** Asks, with a sentence a paragraph; danger: somebody is erased by it. */
async function confirmed(title, body, { go = t('policies.save'), danger = false } = {}) {
  return ask(title, body.map((one) => (typeof one === 'string' ? element('p', { textContent: one }) : one)), [
    ['go', go, danger ? 'button-danger' : ''], ['', t('people.cancel'), 'button-plain'],
  ]);
}

// --- consent ---

function consentAsked() {
  return {
    required: $('consent-form').elements.required.value === 'true',
    text: words($('text').value),
    purpose: words($('purpose').value),
  };
}

/** As the server keeps them. */
function words(text) {
  return text.trim().split(/\s+/).join(' ');
}

function preview() {
  const { required, text, purpose } = consentAsked();
  $('asked').hidden = !required;
  $('preview').textContent = t('naming.consent', { text: text || '…', purpose: purpose || '…' });
}

/** What a change of consent means, [title, ...sentences]; null where nothing changes. */
function consentInWords(before, { required, text, purpose }) {
  if (!required) return before.required ? [t('policies.waive_title'), t('policies.waive_what')] : null;
  if (!before.required) return [t('policies.require_title'), t('policies.require_what', { text }), t('policies.require_back')];
  if (text !== before.text) return [t('policies.text_title', { text }), t('policies.text_what', { before: before.text })];
  return purpose === before.purpose ? null : [t('policies.purpose_title'), t('policies.purpose_what', { text })];
}

async function saveConsent(form) {
  const { required, text, purpose } = form.dataset;
  const before = { required: required === 'true', text, purpose };
  const now = consentAsked();
  if (now.required) {
    const named = complain('text', now.text ? '' : t('policies.needs_text'));
    const reasoned = complain('purpose', now.purpose ? '' : t('policies.needs_purpose'));
    if (!named) $('text').focus();
    if (!named || !reasoned) return;
  }
  const meant = consentInWords(before, now);
  if (!meant) return unchanged();
  const [title, ...sentences] = meant;
  if (!(await confirmed(title, sentences))) return;
  await setConsentPolicy(now.required ? now : { ...before, required: false });
  await saved();
}

// --- keeping ---

/** A field as days, '' for none; null where it is neither, which is said. */
function daysIn(id, longest) {
  const text = $(id).value.trim();
  const right = !text || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= longest);
  return complain(id, right ? '' : t('policies.days_wrong', { n: number(longest) })) ? text && String(Number(text)) : null;
}

async function saveKeeping(form) {
  const before = form.dataset;
  const [unseen, keep] = ['unseen', 'keep'].map((id) => daysIn(id, Number(before.longest)));
  if (keep === null || unseen === null) return;
  if (keep === before.keep && unseen === before.unseen) return unchanged();
  const days = { keep_days: keep, unseen_days: unseen };
  const due = (await part(`/policies?${new URLSearchParams(days)}`)).getElementById('due');
  const count = Number(due.dataset.count);
  due.removeAttribute('id'); // The page has one.
  if (!(await confirmed(t('policies.keep_title'), [
    keep ? t('policies.keep_now', { n: Number(keep) }) : t('policies.keep_always'),
    unseen ? t('policies.unseen_now', { n: Number(unseen) }) : t('policies.unseen_never'),
    ...(unseen && !before.unseen ? [t('policies.unseen_starts')] : []),
    element('p', { className: 'policy-erases', textContent: count ? t(`policies.erases_${due.dataset.more}`, { n: count }) : t('policies.erases_nobody') }),
    due,
  ], count ? { go: t('policies.save_erase'), danger: true } : {}))) return;
  await setRetention(days);
  await saved();
}

// --- what happens ---

const FORMS = { 'consent-form': saveConsent, 'keeping-form': saveKeeping };

found.addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    await FORMS[event.target.id](event.target);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    failed(problem);
  }
});
found.addEventListener('input', preview);
preview();
document.documentElement.dataset.ready = '';
