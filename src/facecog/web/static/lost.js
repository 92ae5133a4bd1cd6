// A picture that the server has lost: a sign of a person takes its place, and its frame stays.

const SIGN = new URL('lost.svg', import.meta.url).href;

function replace(image) {
  if (image.src === SIGN) return;
  image.removeAttribute('srcset');
  image.src = SIGN;
  image.dataset.lost = '';
}

// An error of a picture does not bubble.
document.addEventListener('error', ({ target }) => {
  if (target instanceof HTMLImageElement) replace(target);
}, true);

for (const image of document.images) {
  if (image.getAttribute('src') && image.complete && !image.naturalWidth) replace(image);
}
