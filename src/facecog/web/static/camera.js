// The camera: start, stop, switch, and one frame as a canvas. Its troubles come as sentences that say what to do.

import { t } from './texts.js';

const TROUBLE = {
  insecure: 'camera.insecure',
  NotAllowedError: 'camera.refused',
  NotFoundError: 'camera.missing',
  NotReadableError: 'camera.busy',
  lost: 'camera.lost',
  other: 'camera.other',
};
const SAME_AS = { SecurityError: 'NotAllowedError', OverconstrainedError: 'NotFoundError', AbortError: 'NotReadableError', TrackStartError: 'NotReadableError' };
const CHOICE = 'facecog.camera';
const BACK = /\b(back|rear|environment|rück\w*)\b/i; // as devices name a camera that looks away from the person

export class Camera {
  #stream = null;
  #turn = 0;
  #wish = remembered() ?? { facingMode: 'user' };

  constructor(video, onLost) {
    this.video = video;
    this.onLost = onLost;
    this.several = false;
  }

  /** True once the picture runs; false when it was stopped meanwhile. Throws an Error whose message is for people. */
  async start() {
    this.stop();
    const turn = this.#turn;
    if (!navigator.mediaDevices?.getUserMedia) throw trouble('insecure');
    try {
      const stream = await this.#open();
      // Permission can take minutes; by then the page may have gone on to a photo.
      if (turn !== this.#turn) {
        release(stream);
        return false;
      }
      this.#stream = stream;
      this.video.srcObject = stream;
      this.#track.addEventListener('ended', () => this.#lost(stream));
      await this.video.play();
      this.several = await severalCameras();
    } catch (error) {
      if (turn !== this.#turn) return false;
      this.stop();
      throw trouble(error.name);
    }
    return turn === this.#turn;
  }

  stop() {
    this.#turn += 1;
    if (this.#stream) release(this.#stream);
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** Front to back where the device tells them apart, else the next camera in the list. */
  async flip() {
    const { facingMode, deviceId } = this.#track?.getSettings() ?? {};
    if (facingMode) {
      this.#wish = { facingMode: facingMode === 'environment' ? 'user' : 'environment' };
    } else {
      const cameras = await listCameras();
      const here = cameras.findIndex((camera) => camera.deviceId === deviceId);
      return this.choose(cameras[(here + 1) % cameras.length].deviceId);
    }
    return this.start();
  }

  /** One of `devices`, from now on and the next time. */
  async choose(deviceId) {
    this.#wish = { deviceId: { exact: deviceId } };
    remember(deviceId);
    return this.start();
  }

  /** Every camera there is, once the first has been allowed: [{deviceId, label}]. */
  async devices() {
    return listCameras();
  }

  get deviceId() {
    return this.#track?.getSettings().deviceId ?? null;
  }

  /** A mirror is what people expect of a camera that faces them, and of no other. */
  get mirrored() {
    const facing = this.#track?.getSettings().facingMode;
    return facing ? facing !== 'environment' : !BACK.test(this.#track?.label ?? '');
  }

  get size() {
    return { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /** The picture now, never mirrored, its long side at most `longest` pixels; null before the first frame. */
  frame(longest = Infinity) {
    const { width, height } = this.size;
    if (!this.#stream || !width || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const scale = Math.min(1, longest / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext('2d').drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  async #open() {
    const size = { width: { ideal: 1280 }, height: { ideal: 960 } };
    try {
      return await navigator.mediaDevices.getUserMedia({ video: { ...size, ...this.#wish } });
    } catch (error) {
      // The camera wished for has gone: any other will do.
      if (error.name !== 'OverconstrainedError') throw error;
      return navigator.mediaDevices.getUserMedia({ video: size });
    }
  }

  #lost(stream) {
    if (stream !== this.#stream) return;
    this.stop();
    this.onLost(trouble('lost'));
  }
}

export function toJpeg(canvas, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
}

/** A smaller copy, its long side at most `longest` pixels; the canvas itself when it is no larger. */
export function scaled(canvas, longest) {
  const scale = longest / Math.max(canvas.width, canvas.height);
  if (scale >= 1) return canvas;
  const copy = document.createElement('canvas');
  copy.width = Math.round(canvas.width * scale);
  copy.height = Math.round(canvas.height * scale);
  const context = copy.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  return copy;
}

function trouble(name) {
  return new Error(t(TROUBLE[SAME_AS[name] ?? name] ?? TROUBLE.other));
}

// A browser may refuse to keep anything, and then nothing is remembered.
function remembered() {
  try {
    const deviceId = localStorage.getItem(CHOICE);
    return deviceId ? { deviceId: { exact: deviceId } } : null;
  } catch {
    return null;
  }
}

function remember(deviceId) {
  try {
    localStorage.setItem(CHOICE, deviceId);
  } catch {
    // The choice holds until the page is left.
  }
}

function release(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === 'videoinput');
}

async function severalCameras() {
  return (await listCameras()).length > 1;
}
