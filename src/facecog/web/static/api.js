// The calls the pages make, and their refusals as one kind of error.

import { has, t } from './texts.js';

/** A refusal in the server's words, or the reason why there are none. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}, without saying why.`);
    this.status = status;
    this.code = body.code ?? null;
    this.faces = body.faces ?? [];
    this.reasons = body.reasons ?? [];
    this.image = body.image ?? null;
    this.subject = body.subject ?? null;
    this.threshold = body.threshold ?? null;
  }

  /** In the page's language where the catalogue has it; of a poor photo, what is wrong with it. */
  get said() {
    const known = this.reasons.filter((code) => has(`quality.${code}`));
    if (this.code === 'low_quality' && known.length) return known.map((code) => t(`quality.${code}`)).join(' ');
    return has(`errors.${this.code}`) ? t(`errors.${this.code}`) : this.message;
  }

  /** Waiting may help: the server is away, starting or busy. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** also: what goes on all the same, {allow_duplicate, allow_mismatch}, and of several faces which one, {near: "x,y"}. */
export async function register(name, photo, origin, also = {}) {
  const form = new FormData();
  form.set('name', name);
  form.set('origin', origin);
  form.set('image', photo, photo.name || 'photo.jpg');
  for (const [what, value] of Object.entries(also)) form.set(what, value);
  return send('/api/register', form);
}

/** The faces of a photo, and whether each is good enough to register. */
export async function detect(photo, signal) {
  const form = new FormData();
  form.set('image', photo, photo.name || 'frame.jpg');
  return send('/api/detect', form, signal);
}

/** People whose name has `q` in it: {subjects, next_cursor, total}. */
export async function findPeople(q, limit, signal) {
  return send(`/api/subjects?${new URLSearchParams({ q, limit })}`, undefined, signal, 'GET');
}

/** allowNoFace: an answer without faces, where nobody is there, instead of a refusal. */
export async function recognise(photo, { signal, allowNoFace = false } = {}) {
  const form = new FormData();
  if (allowNoFace) form.set('allow_no_face', true);
  form.set('image', photo, photo.name || 'frame.jpg');
  return send('/api/recognise', form, signal);
}

async function send(path, form, signal, method = 'POST') {
  let response;
  try {
    response = await fetch(path, { method, body: form, signal, headers: { Accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { code: 'unreachable', detail: t('errors.unreachable') });
  }
  const body = await response.json().catch((error) => {
    if (error.name === 'AbortError') throw error;
    return {}; // A proxy's own page, say: the status is all there is to go by.
  });
  if (!response.ok) throw new Problem(response.status, body);
  return { status: response.status, ...body };
}
