// Boxes and names over the picture. They are elements, not canvas: text stays sharp, cut to fit, and in its own direction.

const NEAR = 0.2; // A box that moved less than a fifth of the picture is the same face, and glides.

export class Marks {
  #marks = [];

  constructor(layer) {
    this.layer = layer;
  }

  /** faces: [{box, kind: match|unknown|enrolled|refused, label}] in pixels of an image of this width and height. */
  show(faces, image, mirrored = false) {
    const before = new Set(this.#marks);
    this.#marks = faces.map((face) => {
      const place = placeOf(face.box, image, mirrored);
      const mark = nearest(before, place) ?? this.#add();
      before.delete(mark);
      mark.place = place;
      this.#draw(mark, face);
      return mark;
    });
    before.forEach(remove);
  }

  clear() {
    this.#marks.forEach(remove);
    this.#marks = [];
  }

  light(index, on) {
    this.#marks[index]?.box.toggleAttribute('data-lit', on);
  }

  #add() {
    const box = document.createElement('div');
    const label = document.createElement('span');
    box.className = 'box';
    label.className = 'label';
    label.dir = 'auto';
    this.layer.append(box, label);
    return { box, label, place: null };
  }

  #draw({ box, label, place }, face) {
    box.dataset.kind = label.dataset.kind = face.kind;
    box.dataset.testid = 'box';
    Object.assign(box.style, { left: percent(place.x), top: percent(place.y), width: percent(place.width), height: percent(place.height) });
    label.textContent = face.label ?? '';
    label.hidden = !face.label;
    Object.assign(label.style, labelPlace(place, this.layer.clientHeight));
  }
}

function placeOf(box, image, mirrored) {
  const width = box.width / image.width;
  const x = box.x / image.width;
  return { x: mirrored ? 1 - x - width : x, y: box.y / image.height, width, height: box.height / image.height };
}

// Above the face where there is room, else below, else inside; and towards the side with more room.
function labelPlace({ x, y, width, height }, pixels) {
  const needed = pixels ? 34 / pixels : 0.1;
  const left = Math.max(0, Math.min(x, 1));
  const right = Math.max(0, Math.min(1 - x - width, 1));
  const side = left <= right
    ? { left: percent(left), right: 'auto', maxWidth: percent(1 - left) }
    : { left: 'auto', right: percent(right), maxWidth: percent(1 - right) };
  if (y >= needed) return { ...side, top: 'auto', bottom: percent(1 - y), margin: '0 0 6px' };
  if (y + height + needed <= 1) return { ...side, top: percent(y + height), bottom: 'auto', margin: '6px 0 0' };
  return { ...side, top: percent(Math.max(0, y)), bottom: 'auto', margin: '6px' };
}

function nearest(marks, place) {
  let best = null;
  let least = NEAR;
  for (const mark of marks) {
    const away = Math.hypot(middle(mark.place).x - middle(place).x, middle(mark.place).y - middle(place).y);
    if (away < least) [best, least] = [mark, away];
  }
  return best;
}

function middle({ x, y, width, height }) {
  return { x: x + width / 2, y: y + height / 2 };
}

function remove({ box, label }) {
  box.remove();
  label.remove();
}

function percent(fraction) {
  return `${(fraction * 100).toFixed(3)}%`;
}
