// The audit: its times as this place and language write them.

import { localise } from './when.js';

localise(document);
document.documentElement.dataset.ready = '';
