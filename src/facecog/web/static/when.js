// Moments as this place and language write them; the server knows neither.

import { day, moment } from './texts.js';

/** Every <time datetime> in `root`; data-only="date" leaves out the hour. */
export function localise(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    time.textContent = (time.dataset.only === 'date' ? day : moment)(time.dateTime);
  }
}
