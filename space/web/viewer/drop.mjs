// Where photos come in: chosen, dropped, pasted, taken with the camera, or an example.
import { make } from './nodes.mjs';

const QUEUE = /queue:\s*(\d+)\s*\/\s*(\d+)/;
const UNREACHED = 'The photo did not reach the app: check the connection and try again.';
const NO_CAMERA = 'No camera can be used here: allow it in the browser, or choose a photo.';

// Pasted and taken photos have no name of their own.
const NO_NAMES = ['', 'image.png', 'camera.png'];
const LONGEST_NAME = 40;

function shortened(name = '') {
  if (NO_NAMES.includes(name)) return 'the photo';
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}

class PhotoDrop {
  constructor({ element, props, trigger, upload }) {
    Object.assign(this, { props, trigger, upload });
    this.root = element.querySelector('.pd');
    this.host = element.closest('#drop') || element.parentElement;
    this.names = []; // Of the uploaded files; they stay in this browser.
    this.working = ''; // What the status says unless the request waits in line.
    this.bind();
    const camera = new Camera(this.root, { say: (text) => this.say(text), take: (files) => this.take(files) });
    this.stopCamera = () => camera.stop();
    this.find('.pd-examples').replaceChildren(...(props.examples || []).map((card) => this.card(card)));
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  bind() {
    const { root } = this;
    const input = this.find('input[type=file]');
    input.addEventListener('change', () => {
      this.take(input.files);
      input.value = '';
    });
    for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
      root.addEventListener(name, (event) => {
        event.preventDefault();
        if (name === 'dragenter' || name === 'dragover') root.dataset.over = '';
        else delete root.dataset.over;
      });
    }
    root.addEventListener('drop', (event) => this.take(event.dataTransfer.files));
    document.addEventListener('paste', (event) => {
      if (!root.offsetParent || event.target.closest?.('input[type=text], textarea')) return;
      this.take([...event.clipboardData.files].filter(({ type }) => type.startsWith('image/')));
    });
    const changes = { subtree: true, childList: true, characterData: true };
    new MutationObserver(() => this.sayPlace()).observe(this.host, changes);
  }

  say(text) {
    this.find('.pd-status').textContent = text;
    // The parse view marks its result as the previous one.
    const detail = this.isBusy ? text : '';
    document.dispatchEvent(new CustomEvent('segface:working', { detail }));
  }

  get isBusy() {
    return this.root.dataset.state === 'busy';
  }

  busy(text) {
    this.root.dataset.state = 'busy';
    this.working = text;
    this.say(text);
  }

  idle(text = '') {
    this.root.dataset.state = 'idle';
    this.say(text);
  }

  // Gradio writes the place in line into its own tracker ("queue: 3/7"): say it in words.
  sayPlace() {
    if (!this.isBusy) return;
    const found = QUEUE.exec(this.host.querySelector('.progress-text')?.textContent || '');
    const text = found ? `You are number ${found[1]} of ${found[2]} in line` : this.working;
    if (this.find('.pd-status').textContent !== text) this.say(text);
  }

  async take(list) {
    const files = [...list].filter(Boolean);
    if (!files.length || this.isBusy) return;
    const { max_mb: most } = this.props;
    if (files.some(({ size }) => size > most * 1e6)) {
      this.say(`A file is larger than ${most} MB: make the photo smaller.`);
      return;
    }
    this.names = files.map(({ name }) => (NO_NAMES.includes(name) ? '' : name));
    const what = files.length > 1 ? `${files.length} photos` : shortened(files[0].name);
    this.busy(`Sending ${what}`);
    try {
      const sent = await Promise.all(files.map((file) => this.upload(file)));
      this.send(sent.map(({ path }) => ({ path, meta: { _type: 'gradio.FileData' } })), what);
    } catch (error) {
      this.idle(UNREACHED);
    }
  }

  /** Ask the server to parse uploaded files, which are `what` in words. */
  send(files, what = 'the photo') {
    this.busy(`Parsing ${what}`);
    this.submit('submit', { files, example: null });
  }

  submit(event, value) {
    this.stopCamera();
    this.props.value = { ...value, turn: Date.now() };
    this.trigger(event);
  }

  card({ name, title, photo, parsed }) {
    const button = make('button', '', { type: 'button', class: 'pd-card', title, 'aria-label': `Example: ${title}` });
    button.dataset.example = name;
    const pair = make('span', '', { class: 'pd-pair' });
    pair.append(...[photo, parsed].filter(Boolean).map((src) => make('img', '', { src, alt: '' })));
    button.append(pair, make('small', title));
    button.addEventListener('click', () => {
      if (this.isBusy) return;
      this.busy('Opening the example');
      this.submit('example', { files: [], example: name });
    });
    return button;
  }
}

/** The camera's preview and the photo that is taken from it. */
class Camera {
  /** @param {{say: (text: string) => void, take: (files: File[]) => void}} drop */
  constructor(root, { say, take }) {
    Object.assign(this, { root, say, take });
    this.video = root.querySelector('video');
    this.shot = root.querySelector('.pd-shot');
    this.openings = 0; // A camera may be allowed after its preview was left: then it ends at once.
    root.querySelector('.pd-camera').addEventListener('click', () => this.start());
    root.querySelector('.pd-cancel').addEventListener('click', () => this.stop());
    root.querySelector('.pd-take').addEventListener('click', () => this.photograph());
    // The preview is out of sight: another view or another page is open.
    new ResizeObserver(() => {
      if (!root.offsetParent) this.stop();
    }).observe(root);
    window.addEventListener('pagehide', () => this.stop());
  }

  async start() {
    this.stop();
    const opening = this.openings;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user' } });
      if (opening !== this.openings) {
        endStream(stream);
        return;
      }
      this.video.srcObject = stream;
      this.shot.hidden = false;
      await this.video.play();
      this.say('');
    } catch (error) {
      if (opening !== this.openings) return;
      this.stop();
      this.say(NO_CAMERA);
    }
  }

  stop() {
    this.openings += 1;
    endStream(this.video.srcObject);
    this.video.srcObject = null;
    this.shot.hidden = true;
  }

  photograph() {
    const { video } = this;
    const canvas = make('canvas', '', { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d').drawImage(video, 0, 0);
    this.stop();
    canvas.toBlob((blob) => this.take([new File([blob], 'camera.png', { type: 'image/png' })]), 'image/png');
  }
}

function endStream(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Entry point: gr.HTML runs this once with its own element, props, trigger, upload and watch. */
export function mount({ element, props, trigger, upload, watch }) {
  const drop = new PhotoDrop({ element, props, trigger, upload });
  drop.root.__drop = drop;
  watch('step', () => {
    if (props.step && drop.isBusy) drop.busy(props.step);
  });
  watch('done', () => {
    drop.idle();
    if (props.opened) drop.root.dataset.used = '';
  });
}
