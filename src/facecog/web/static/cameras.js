// The menu of cameras, where there is more than one.

import { t } from './texts.js';

/** Fills the <select> with what there is; it and its frame are hidden while there is nothing to choose. */
export async function fillMenu(select, camera) {
  const devices = await camera.devices();
  select.replaceChildren(...devices.map(({ deviceId, label }, index) => {
    const number = index + 1;
    return new Option(label || t('camera.numbered', { number }), deviceId, false, deviceId === camera.deviceId);
  }));
  select.parentElement.hidden = devices.length < 2;
}
