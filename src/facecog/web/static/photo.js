// The other way to give a photo: choose, drop or paste a file. The file itself is what gets sent, untouched.

/** Calls `onPhotos(files)` for the files chosen, dropped on the page or pasted together. */
export function takePhotos(input, stage, onPhotos) {
  for (const button of document.querySelectorAll('[data-choose]')) {
    button.addEventListener('click', () => input.click());
  }
  input.addEventListener('change', () => {
    const files = [...input.files];
    if (files.length) onPhotos(files);
    input.value = ''; // The same file chosen again must count as a new choice.
  });
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    onPhotos(files);
  });
  takeDrops(stage, onPhotos);
}

// The whole page takes drops: a near miss would make the browser leave the page for the photo.
function takeDrops(stage, onPhotos) {
  let depth = 0;
  const carriesFile = (event) => event.dataTransfer?.types.includes('Files');
  const mark = (by) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    stage.toggleAttribute('data-drop', depth > 0);
  };
  document.addEventListener('dragenter', (event) => carriesFile(event) && mark(+1));
  document.addEventListener('dragleave', (event) => carriesFile(event) && mark(-1));
  document.addEventListener('dragover', (event) => carriesFile(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    mark(0);
    const files = [...event.dataTransfer.files];
    if (files.length) onPhotos(files);
  });
}

/** A picture to show: `image` is null where this browser cannot read the format (HEIC), though the server may. */
export async function openPicture(file, decode = true) {
  const image = new Image();
  image.alt = '';
  image.src = URL.createObjectURL(file);
  try {
    await (decode ? image.decode() : loaded(image));
    return { file, image, width: image.naturalWidth, height: image.naturalHeight };
  } catch (error) {
    if (error.name !== 'EncodingError') throw error;
    URL.revokeObjectURL(image.src);
    return { file, image: null, width: 4, height: 3 };
  }
}

/** The same as a canvas of at most about `longest` pixels, for a list of photos that may be many and large. */
export async function openSmall(file, longest = 1280) {
  const { image, width, height } = await openPicture(file, false);
  if (!image) return { file, image, width, height };
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  // Decoded away from the page's own thread where the browser can.
  const small = await createImageBitmap(image, { resizeWidth: canvas.width, resizeHeight: canvas.height, resizeQuality: 'medium' }).catch(() => image);
  canvas.getContext('2d').drawImage(small, 0, 0, canvas.width, canvas.height);
  closePicture({ image });
  return { file, image: canvas, width: canvas.width, height: canvas.height };
}

/** A square around a face, within the picture, as a canvas of `side` CSS pixels; null without an image to cut from.
 *
 *  box: in pixels of `size`, the image as the server saw it; margin: added on each side, as a part of the box.
 */
export function cropFace(picture, box, size, side, margin) {
  if (!picture.image) return null;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side * 2; // Sharp on screens of two pixels a point.
  const scale = picture.width / size.width;
  const cut = Math.min(Math.max(box.width, box.height) * (1 + 2 * margin), size.width, size.height);
  const within = (middle, length) => Math.max(0, Math.min(middle - cut / 2, length - cut));
  const x = within(box.x + box.width / 2, size.width);
  const y = within(box.y + box.height / 2, size.height);
  canvas.getContext('2d').drawImage(picture.image, x * scale, y * scale, cut * scale, cut * scale, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Where in its picture a face is, {x, y} in parts of width and height, 0 to 1. */
export function centreOf({ x, y, width, height }, size) {
  const part = (value) => Math.min(1, Math.max(0, value));
  return { x: part((x + width / 2) / size.width), y: part((y + height / 2) / size.height) };
}

function loaded(image) {
  return new Promise((resolve, reject) => {
    image.addEventListener('load', resolve, { once: true });
    image.addEventListener('error', () => reject(new DOMException('', 'EncodingError')), { once: true });
  });
}

export function closePicture(picture) {
  if (picture?.image?.src) URL.revokeObjectURL(picture.image.src);
}
