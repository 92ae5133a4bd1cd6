// The calls the pages make, and their refusals as one kind of error.

import { has, t } from './texts.js';
import { inSentence } from './words.js';

const LATER = 'u=5'; // RFC 9218: of a series; people who wait for one answer go first
const TRIES = 30; // while the server is busy

/** A refusal in the server's words, or the reason why there are none. */
export class Problem extends Error {
  constructor(status, body, comeAgain = 1) {
    super(body.detail || body.title || `The server answered ${status}, without saying why.`);
    this.status = status;
    this.code = body.code ?? null;
    this.faces = body.faces ?? [];
    this.reasons = body.reasons ?? [];
    this.image = body.image ?? null;
    this.subject = body.subject ?? null;
    this.threshold = body.threshold ?? null;
    this.obstacle = body.obstacle ?? null;
    this.names = body.names ?? {};
    this.comeAgain = comeAgain * 1000; // ms
  }

  /** In the page's language where the catalogue has it; of a poor photo, what is wrong with it; of an undo, what stands in its way. */
  get said() {
    const known = this.reasons.filter((code) => has(`quality.${code}`));
    if (this.code === 'low_quality' && known.length) return known.map((code) => t(`quality.${code}`)).join(' ');
    if (has(`errors.undo_${this.obstacle}`)) {
      const names = Object.entries(this.names).map(([which, name]) => [which, inSentence(name)]);
      return t(`errors.undo_${this.obstacle}`, Object.fromEntries(names));
    }
    return has(`errors.${this.code}`) ? t(`errors.${this.code}`) : this.message;
  }

  /** The same where the page asks again by itself, so that nobody is told to. */
  get saidMeanwhile() {
    if (!this.passing) return this.said;
    const said = has(`trying.${this.code}`) ? t(`trying.${this.code}`) : this.said;
    return `${said} ${t('trying.goes_on')}`;
  }

  get busy() {
    return this.code === 'busy';
  }

  /** Waiting may help: the server is away, starting or busy. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * also: what goes on all the same, {allow_duplicate, allow_mismatch}, and of several faces which one, {near: "x,y"}.
 * oneOfMany: it can wait while others have one photo each.
 */
export async function register(name, photo, origin, also = {}, oneOfMany = false) {
  const form = new FormData();
  form.set('name', name);
  form.set('origin', origin);
  form.set('image', photo, photo.name || 'photo.jpg');
  for (const [what, value] of Object.entries(also)) form.set(what, value);
  return patiently('/api/register', form, { oneOfMany });
}

/** The faces of a photo, and whether each is good enough to register. */
export async function detect(photo, options) {
  const form = new FormData();
  form.set('image', photo, photo.name || 'frame.jpg');
  return patiently('/api/detect', form, options);
}

/** People whose name has `q` in it: {subjects, next_cursor, total}. */
export async function findPeople(q, limit, signal) {
  return send(`/api/subjects?${new URLSearchParams({ q, limit })}`, undefined, signal, 'GET');
}

/** allowNoFace: an answer without faces, where nobody is there, instead of a refusal. */
export async function recognise(photo, { allowNoFace = false, ...options } = {}) {
  const form = new FormData();
  if (allowNoFace) form.set('allow_no_face', true);
  form.set('image', photo, photo.name || 'frame.jpg');
  return patiently('/api/recognise', form, options);
}

// A busy server is asked again when it says so. `once`: not, for the next frame is better than an old one.
async function patiently(path, form, { signal, oneOfMany = false, once = false } = {}) {
  for (let tries = once ? TRIES : 1; ; tries += 1) {
    try {
      return await send(path, form, signal, 'POST', oneOfMany ? { Priority: LATER } : {});
    } catch (problem) {
      if (!problem.busy || tries >= TRIES) throw problem;
      await sleep(problem.comeAgain);
    }
  }
}

export async function rename(id, name) {
  return send(`/api/subjects/${id}`, fields({ name }), undefined, 'PATCH');
}

export async function merge(id, into) {
  return send(`/api/subjects/${id}/merge`, fields({ into }));
}

/** to: {subject_id} or {name}, which is made when it is new. */
export async function moveSample(id, to) {
  return send(`/api/samples/${id}`, fields(to), undefined, 'PATCH');
}

export async function removeSample(id) {
  return send(`/api/samples/${id}`, undefined, undefined, 'DELETE');
}

export async function deletePerson(id) {
  return send(`/api/subjects/${id}`, undefined, undefined, 'DELETE');
}

/** Nothing is kept that could bring the person back; the receipt is answered. */
export async function erasePerson(id) {
  return send(`/api/subjects/${id}/erase`);
}

/** {consents, receipt}: a receipt where the person is erased with it. */
export async function withdrawConsent(id) {
  return send(`/api/subjects/${id}/consent`, undefined, undefined, 'DELETE');
}

/** day: 2027-12-31, or null. */
export async function setExpiry(id, day) {
  return send(`/api/subjects/${id}/expiry`, fields({ expires_at: day ?? '' }), undefined, 'PUT');
}

/** Whether people must consent: {required, text, purpose}. */
export async function setConsentPolicy({ required, text, purpose }) {
  return send('/api/consent', fields({ required, text_version: text, purpose }), undefined, 'PUT');
}

/** days: {keep_days, unseen_days}, '' for however long. */
export async function setRetention(days) {
  return send('/api/retention', fields(days), undefined, 'PUT');
}

export async function undoChange(id) {
  return send(`/api/changes/${id}/undo`);
}

/** One change with all it keeps, or every one. */
export async function eraseChange(id) {
  return send(id ? `/api/changes/${id}` : '/api/changes', undefined, undefined, 'DELETE');
}

/** given: {name, password, role}. */
export async function addAccount(given) {
  return send('/api/accounts', fields(given));
}

/** to: {role} or {password}. */
export async function changeAccount(id, to) {
  return send(`/api/accounts/${id}`, fields(to), undefined, 'PATCH');
}

export async function removeAccount(id) {
  return send(`/api/accounts/${id}`, undefined, undefined, 'DELETE');
}

/** given: {name, role, days, collection}; answers with the `key`, this once. */
export async function addKey(given) {
  return send('/api/keys', fields(given));
}

export async function revokeKey(id) {
  return send(`/api/keys/${id}`, undefined, undefined, 'DELETE');
}

/** One's own: {now, password}. */
export async function changePassword(given) {
  return send('/api/session/password', fields(given), undefined, 'PUT');
}

/** A page of this server as a document, without the frame around it. */
export async function part(url, signal) {
  const address = new URL(url, location.href);
  address.searchParams.set('part', '1');
  const response = await answer(address, { signal, headers: { Accept: 'text/html, application/json' } });
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

function fields(given) {
  const form = new FormData();
  for (const [name, value] of Object.entries(given)) form.set(name, value);
  return form;
}

async function send(path, form, signal, method = 'POST', also = {}) {
  const response = await answer(path, { method, body: form, signal, headers: { Accept: 'application/json', ...also } });
  const body = response.status === 204 ? {} : await json(response);
  return { status: response.status, ...body };
}

/** What the server answers, when it is no refusal. */
async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { code: 'unreachable', detail: t('errors.unreachable') });
  }
  if (!response.ok) throw new Problem(response.status, await json(response), response.headers.get('Retry-After') ?? undefined);
  return response;
}

async function json(response) {
  return response.json().catch((error) => {
    if (error.name === 'AbortError') throw error;
    return {}; // A proxy's own page, say: the status is all there is to go by.
  });
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
