// Whether the person agrees to be registered, where that is asked: the tick of _consent.html. Elsewhere nothing is asked.

import { t } from './texts.js';

export class Agreement {
  constructor(root) {
    this.box = root.querySelector('#consent');
    this.error = root.querySelector('#consent-error');
  }

  /** Whether registering may go on; if not, it is said. */
  given() {
    if (!this.box) return true;
    this.#complain(!this.box.checked);
    if (!this.box.checked) this.box.focus();
    return this.box.checked;
  }

  /** What is sent with each photo. */
  get also() {
    return this.box ? { consent: this.box.value, consent_how: 'page' } : {};
  }

  /** The next person is somebody else. */
  clear() {
    if (!this.box) return;
    this.box.checked = false;
    this.#complain(false);
  }

  #complain(missing) {
    this.error.textContent = missing ? t('naming.consent_first') : '';
    this.box.setAttribute('aria-invalid', String(missing));
  }
}
