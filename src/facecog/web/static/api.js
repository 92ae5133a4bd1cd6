// The calls the pages make, and their refusals as one kind of error.

const UNREACHABLE = 'The server does not answer. Check that facecog is running and that this device is on its network, then try again.';

/** A refusal in the server's words, or the reason why there are none. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}, without saying why.`);
    this.status = status;
    this.code = body.code ?? null;
    this.faces = body.faces ?? [];
    this.image = body.image ?? null;
    this.subject = body.subject ?? null;
    this.threshold = body.threshold ?? null;
  }

  /** Waiting may help: the server is away, starting or busy. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** allowed: what goes on all the same, {allow_duplicate, allow_mismatch}. */
export async function register(name, photo, origin, allowed = {}) {
  const form = new FormData();
  form.set('name', name);
  form.set('origin', origin);
  form.set('image', photo, photo.name || 'photo.jpg');
  for (const [what, yes] of Object.entries(allowed)) form.set(what, yes);
  return send('/api/register', form);
}

export async function recognise(photo, signal) {
  const form = new FormData();
  form.set('image', photo, photo.name || 'frame.jpg');
  return send('/api/recognise', form, signal);
}

async function send(path, form, signal) {
  let response;
  try {
    response = await fetch(path, { method: 'POST', body: form, signal, headers: { Accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { code: 'unreachable', detail: UNREACHABLE });
  }
  const body = await response.json().catch((error) => {
    if (error.name === 'AbortError') throw error;
    return {}; // A proxy's own page, say: the status is all there is to go by.
  });
  if (!response.ok) throw new Problem(response.status, body);
  return { status: response.status, ...body };
}
