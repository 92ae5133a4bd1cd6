// The ring around the face: where it is, how far the coach has come, and which way to turn.

const ROOM = 1.5; // The ring is wider than the face by this.
const GUIDE = 0.66; // of the picture's height, while there is no face to go round

export class Ring {
  constructor(root) {
    this.root = root;
  }

  /** face: {box} or null; image: the size in which the box counts; mirrored: as the picture is seen. */
  place(face, image, mirrored) {
    const place = face ? around(face.box, image, mirrored) : guide(image);
    Object.assign(this.root.style, Object.fromEntries(Object.entries(place).map(([what, part]) => [what, `${(part * 100).toFixed(2)}%`])));
    this.root.toggleAttribute('data-face', Boolean(face));
  }

  /** steps: of the coach; hint and side: what the ring shows in shape. Left and right are those of the picture as seen. */
  show(steps, { hint, side }, mirrored) {
    const seen = mirrored ? { ...steps, left: steps.right, right: steps.left } : steps;
    for (const [step, part] of Object.entries(seen)) {
      this.root.querySelector(`[data-step=${step}]`).style.strokeDashoffset = String(100 * (1 - part));
    }
    this.root.dataset.done = Object.keys(steps).filter((step) => steps[step] === 1).join(' ');
    this.root.dataset.hint = hint;
    this.root.dataset.side = onScreen(side, mirrored) ?? '';
  }

  /** No side is beckoned to. */
  rest() {
    delete this.root.dataset.hint;
  }

  hide(yes) {
    this.root.toggleAttribute('hidden', yes);
  }
}

/** A side of the picture as it is seen. */
export function onScreen(side, mirrored) {
  if (!mirrored || !side) return side;
  return side === 'left' ? 'right' : 'left';
}

function around(box, image, mirrored) {
  const side = Math.max(box.width * 1.2, box.height) * ROOM;
  const [width, height] = [(side * 0.86) / image.width, side / image.height];
  const across = (box.x + box.width / 2) / image.width;
  return { left: (mirrored ? 1 - across : across) - width / 2, top: (box.y + box.height * 0.47) / image.height - height / 2, width, height };
}

function guide(image) {
  const height = GUIDE;
  const width = (height * image.height * 0.8) / image.width;
  return { left: 0.5 - width / 2, top: 0.5 - height / 2, width, height };
}
