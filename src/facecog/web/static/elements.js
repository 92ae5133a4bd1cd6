// Elements made by scripts; text is always text, never HTML.

/** properties: of the element; data: its data-*. */
export function element(tag, { data = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function button(text, look, properties = {}) {
  return element('button', { type: 'button', className: look, textContent: text, ...properties });
}

/** A name on its own: it reads in its own direction. */
export function named(tag, name, className = '') {
  return element(tag, { textContent: name, dir: 'auto', className });
}

/** The face of a person, `cover` being the address of a crop or null. */
export function face(cover, alt = '') {
  const frame = element('span', { className: 'face-frame' });
  if (cover) frame.append(element('img', { src: `${cover}?side=160`, srcset: `${cover}?side=320 2x`, alt, width: 160, height: 160, decoding: 'async' }));
  else frame.append(element('span', { className: 'face-none', ariaHidden: 'true' }));
  return frame;
}
