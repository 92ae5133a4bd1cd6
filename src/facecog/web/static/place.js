// Where somebody was in the list of people, so that a way back leads there.

const KEPT = 'facecog.people';

/** shown: how many people; first: the number of the first one in view, from 0; top: where it is, in pixels from the top. */
export function leave(where) {
  sessionStorage.setItem(KEPT, JSON.stringify({ search: location.search, ...where }));
}

/** The list as it was left. */
export function listAddress() {
  return `/people${place()?.search ?? ''}`;
}

/** The next opening of the list is a way back. */
export function comeBack() {
  const left = place();
  if (left) sessionStorage.setItem(KEPT, JSON.stringify({ ...left, back: true }));
}

/** The place to go to, when this opening of the list is a way back to it. */
export function cameBack() {
  const left = place();
  const [opened] = performance.getEntriesByType('navigation');
  const back = left?.back || ['back_forward', 'reload'].includes(opened?.type);
  return left && back && left.search === location.search ? left : null;
}

function place() {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
}
