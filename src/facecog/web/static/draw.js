// Boxes and names over the picture. They are elements, not canvas: text stays sharp, cut to fit, and in its own direction.

const NEAR = 0.2; // A box that moved less than a fifth of the picture is the same face, and glides.
const LABEL = 34; // px that a label and its distance take above a face
const SMALL = 32; // px
const CROWD = 6; // faces; among more, a label needs a wider box to have room
const SMALL_IN_CROWD = 90; // px

export class Marks {
  #marks = [];
  /** Called with a face that was shown and is tapped; its box is a button then. */
  onPick = null;

  constructor(layer) {
    this.layer = layer;
  }

  /** faces: [{box, kind: match|unknown|uncertain|looking|enrolled|refused, label, id, spoken}] in pixels of an image of this
   *  width and height. Where the faces have an id, it says which box goes on; spoken: what a box that is a button is called. */
  show(faces, image, mirrored = false) {
    const before = new Set(this.#marks);
    const small = (faces.length > CROWD ? SMALL_IN_CROWD : SMALL) / this.layer.clientWidth;
    this.#marks = faces.map((face) => {
      const place = placeOf(face.box, image, mirrored);
      const mark = (face.id === undefined ? nearest(before, place) : withId(before, face.id)) ?? this.#add();
      before.delete(mark);
      Object.assign(mark, { place, face });
      this.#draw(mark, face, place.width < small);
      return mark;
    });
    before.forEach(remove);
    this.#placeLabels();
  }

  clear() {
    this.#marks.forEach(remove);
    this.#marks = [];
  }

  light(id, on) {
    this.boxOf(id)?.toggleAttribute('data-lit', on);
  }

  /** The button of the face with this id, so that the keyboard can go back to it. */
  boxOf(id) {
    return this.#marks.find((mark) => mark.face.id === id)?.box ?? null;
  }

  #add() {
    const box = document.createElement(this.onPick ? 'button' : 'div');
    const label = document.createElement('span');
    const mark = { box, label, place: null, face: null };
    if (this.onPick) {
      box.type = 'button';
      box.addEventListener('click', () => this.onPick(mark.face));
      label.addEventListener('click', () => this.onPick(mark.face));
      label.setAttribute('aria-hidden', 'true'); // The button says it.
    }
    box.className = 'box';
    label.className = 'label';
    label.dir = 'auto';
    this.layer.append(box, label);
    return mark;
  }

  #draw({ box, label, place }, face, small) {
    if (face.spoken && box.getAttribute('aria-label') !== face.spoken) box.setAttribute('aria-label', face.spoken);
    box.dataset.kind = label.dataset.kind = face.kind;
    box.dataset.testid = 'box';
    Object.assign(box.style, { left: percent(place.x), top: percent(place.y), width: percent(place.width), height: percent(place.height) });
    // In a crowd the dashes and dots alone say that there is no name, and leave room for the names.
    box.toggleAttribute('data-small', small);
    label.textContent = face.label ?? '';
    label.hidden = !face.label || (small && face.kind !== 'match' && face.kind !== 'enrolled');
  }

  // Each label takes the first place where it covers no other label and could not be read as another face's name.
  #placeLabels() {
    const layer = this.layer.getBoundingClientRect();
    const zones = this.#marks.map((mark) => zone(mark.place, layer));
    const taken = [];
    this.#marks.forEach(({ label, place }, index) => {
      if (label.hidden) return;
      const others = [...taken, ...zones.filter((_, other) => other !== index)];
      const places = labelPlaces(place, layer.height, naturalWidth(label));
      const free = places.find((style) => {
        Object.assign(label.style, style);
        const rect = label.getBoundingClientRect();
        return !others.some((other) => overlap(rect, other));
      });
      if (!free) Object.assign(label.style, places[0]);
      taken.push(label.getBoundingClientRect());
    });
  }
}

function placeOf(box, image, mirrored) {
  const width = box.width / image.width;
  const x = box.x / image.width;
  return { x: mirrored ? 1 - x - width : x, y: box.y / image.height, width, height: box.height / image.height };
}

// Above the face where there is room, then below, then inside; first in its middle, then at its sides.
function labelPlaces({ x, y, width, height }, pixels, labelWidth) {
  const needed = pixels ? LABEL / pixels : 0.1;
  const rows = [];
  if (y >= needed) rows.push({ top: 'auto', bottom: percent(1 - y), margin: '0 0 6px' });
  if (y + height + needed <= 1) rows.push({ top: percent(y + height), bottom: 'auto', margin: '6px 0 0' });
  if (!rows.length) rows.push({ top: percent(Math.max(0, y)), bottom: 'auto', margin: '6px' });
  // Never outside the picture, also when that changes size before the next drawing.
  const starting = (left) => ({ left: `clamp(0px, ${left}, max(0px, 100% - ${labelWidth}px))` });
  const [middle, right] = [percent(x + width / 2), percent(x + width)];
  const sides = [`${middle} - ${labelWidth / 2}px`, percent(x), `${right} - ${labelWidth}px`].map(starting);
  return rows.flatMap((row) => sides.map((side) => ({ ...row, ...side })));
}

function naturalWidth(label) {
  label.style.left = '0';
  return Math.ceil(label.getBoundingClientRect().width);
}

// A face and the room above it, where people look for its name.
function zone({ x, y, width, height }, layer) {
  const [left, top] = [layer.left + x * layer.width, layer.top + y * layer.height];
  return { left, right: left + width * layer.width, top: top - LABEL, bottom: top + height * layer.height };
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function withId(marks, id) {
  return [...marks].find((mark) => mark.face.id === id);
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
