// What whoever looks at this page may do; the server says so, and refuses the rest in any case.

const rights = (document.body.dataset.may ?? '').split(' ');

/** what: a permission of permissions.py, in small letters. */
export function may(what) {
  return rights.includes(what);
}
