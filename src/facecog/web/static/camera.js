// The camera: start, stop, switch, and one frame as a canvas. Its troubles come as sentences that say what to do.

const TROUBLE = {
  insecure: 'Browsers lend the camera only to pages opened over https, or on the machine that runs facecog. Open this page that way, or choose a photo.',
  NotAllowedError: 'The camera is blocked for this page. Allow it at the camera sign in the address bar and try again, or choose a photo.',
  NotFoundError: 'No camera was found. Connect one and try again, or choose a photo.',
  NotReadableError: 'Another program is using the camera. Close it there and try again, or choose a photo.',
  lost: 'The camera was disconnected. Connect it and try again, or choose a photo.',
  other: 'The camera did not start. Try again, or choose a photo.',
};
const SAME_AS = { SecurityError: 'NotAllowedError', OverconstrainedError: 'NotFoundError', AbortError: 'NotReadableError', TrackStartError: 'NotReadableError' };

export class Camera {
  #stream = null;
  #turn = 0;
  #wish = { facingMode: 'user' };

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
      this.#wish = { deviceId: { exact: cameras[(here + 1) % cameras.length].deviceId } };
    }
    return this.start();
  }

  /** A mirror is what people expect of a camera that faces them, and of no other. */
  get mirrored() {
    return this.#track?.getSettings().facingMode !== 'environment';
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
      return navigator.mediaDevices.getUserMedia({ video: true });
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

function trouble(name) {
  return new Error(TROUBLE[SAME_AS[name] ?? name] ?? TROUBLE.other);
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
