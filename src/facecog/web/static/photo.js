// The other way to give a photo: choose, drop or paste a file. The file itself is what gets sent, untouched.

/** Calls `onPhoto(file)` for every file chosen, dropped on the page or pasted. */
export function takePhotos(input, stage, onPhoto) {
  for (const button of document.querySelectorAll('[data-choose]')) {
    button.addEventListener('click', () => input.click());
  }
  input.addEventListener('change', () => {
    const [file] = input.files;
    if (file) onPhoto(file);
    input.value = ''; // The same file chosen again must count as a new choice.
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    onPhoto(file);
  });
  takeDrops(stage, onPhoto);
}

// The whole page takes drops: a near miss would make the browser leave the page for the photo.
function takeDrops(stage, onPhoto) {
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
    const [file] = event.dataTransfer.files;
    if (file) onPhoto(file);
  });
}

/** A picture to show: `image` is null where this browser cannot read the format (HEIC), though the server may. */
export async function openPicture(file) {
  const image = new Image();
  image.alt = '';
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return { file, image, width: image.naturalWidth, height: image.naturalHeight };
  } catch (error) {
    if (error.name !== 'EncodingError') throw error;
    URL.revokeObjectURL(image.src);
    return { file, image: null, width: 4, height: 3 };
  }
}

export function closePicture(picture) {
  if (picture?.image) URL.revokeObjectURL(picture.image.src);
}
