// Which of several faces is meant: each is a button over the photo.

import { t } from './texts.js';

export class Picker {
  constructor(layer) {
    this.layer = layer;
  }

  /** faces: found in `image`; chosen: index or null. */
  show(faces, image, chosen, onPick) {
    this.layer.replaceChildren(...faces.map(({ box }, index) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'pick';
      button.dataset.testid = 'pick';
      button.setAttribute('aria-label', t('register.pick_face', { number: index + 1, n: faces.length }));
      button.setAttribute('aria-pressed', String(index === chosen));
      Object.assign(button.style, {
        left: percent(box.x / image.width),
        top: percent(box.y / image.height),
        width: percent(box.width / image.width),
        height: percent(box.height / image.height),
      });
      button.addEventListener('click', () => {
        for (const other of this.layer.children) other.setAttribute('aria-pressed', String(other === button));
        onPick(index);
      });
      return button;
    }));
  }

  clear() {
    this.layer.replaceChildren();
  }
}

function percent(fraction) {
  return `${(fraction * 100).toFixed(3)}%`;
}
