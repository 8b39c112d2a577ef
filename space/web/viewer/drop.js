// Where photos come in: chosen, dropped, pasted, taken with the camera, or an example. gr.HTML runs
// this once; element, props, trigger, upload and watch are Gradio's.
const $ = (selector) => element.querySelector(selector);
const root = $('.pd'), input = $('input[type=file]'), video = $('video');
const say = (text) => { $('.pd-status').textContent = text; };

const host = element.closest('#drop') || element.parentElement;
let working = '';

function busy(text) {
  root.dataset.state = 'busy';
  working = text;
  say(text);
}

// Gradio writes the place in line into its own tracker ("queue: 3/7"): say it in words.
function tellPlace() {
  if (root.dataset.state !== 'busy') return;
  const found = /queue:\s*(\d+)\s*\/\s*(\d+)/.exec(host.querySelector('.progress-text')?.textContent || '');
  const text = found ? `You are number ${found[1]} of ${found[2]} in line` : working;
  if ($('.pd-status').textContent !== text) say(text);
}
new MutationObserver(tellPlace).observe(host, { subtree: true, childList: true, characterData: true });

function send(files, example) {
  stop();
  props.value = { files, example, turn: Date.now() };
  trigger(example ? 'example' : 'submit');
}

async function take(list) {
  const files = [...list].filter(Boolean);
  if (!files.length || root.dataset.state === 'busy') return;
  const most = props.max_mb * 1e6, heavy = files.find((file) => file.size > most);
  if (heavy) { say(`A file is larger than ${props.max_mb} MB: make the photo smaller.`); return; }
  busy(files.length > 1 ? `Sending ${files.length} photos` : 'Sending the photo');
  try {
    const sent = await Promise.all(files.map((file) => upload(file)));
    busy(files.length > 1 ? `Parsing ${files.length} photos` : 'Parsing the photo');
    send(sent.map(({ path }) => ({ path, meta: { _type: 'gradio.FileData' } })), null);
  } catch (error) {
    root.dataset.state = 'idle';
    say('The photo did not reach the app: check the connection and try again.');
  }
}

input.addEventListener('change', () => { take(input.files); input.value = ''; });
for (const name of ['dragenter', 'dragover']) root.addEventListener(name, (event) => { event.preventDefault(); root.dataset.over = ''; });
for (const name of ['dragleave', 'drop']) root.addEventListener(name, (event) => { event.preventDefault(); delete root.dataset.over; });
root.addEventListener('drop', (event) => take(event.dataTransfer.files));
document.addEventListener('paste', (event) => {
  if (!root.offsetParent || event.target.closest?.('input[type=text], textarea')) return;
  take([...event.clipboardData.files].filter((file) => file.type.startsWith('image/')));
});

let openings = 0;  // a camera may be allowed after its preview was left: then it ends at once
const end = (stream) => stream?.getTracks().forEach((track) => track.stop());
const stop = () => {
  openings += 1;
  end(video.srcObject);
  video.srcObject = null;
  $('.pd-shot').hidden = true;
};
$('.pd-camera').addEventListener('click', async () => {
  stop();
  const mine = openings;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user' } });
    if (mine !== openings) { end(stream); return; }
    video.srcObject = stream;
    $('.pd-shot').hidden = false;
    await video.play();
    say('');
  } catch (error) {
    if (mine !== openings) return;
    stop();
    say('No camera can be used here: allow it in the browser, or choose a photo.');
  }
});
// Another view, or another page: nobody looks at the preview any more.
new ResizeObserver(() => { if (!root.offsetParent) stop(); }).observe(root);
window.addEventListener('pagehide', stop);
$('.pd-cancel').addEventListener('click', stop);
$('.pd-take').addEventListener('click', () => {
  const shot = Object.assign(document.createElement('canvas'), { width: video.videoWidth, height: video.videoHeight });
  shot.getContext('2d').drawImage(video, 0, 0);
  stop();
  shot.toBlob((blob) => take([new File([blob], 'camera.png', { type: 'image/png' })]), 'image/png');
});

function picture(address) {
  return Object.assign(document.createElement('img'), { src: address, alt: '' });
}

function card({ name, title, photo, parsed }) {
  const button = document.createElement('button'), pair = document.createElement('span');
  Object.assign(button, { type: 'button', className: 'pd-card', title });
  button.setAttribute('aria-label', `Example: ${title}`);
  button.dataset.example = name;
  pair.className = 'pd-pair';
  pair.append(...[photo, parsed].filter(Boolean).map(picture));
  button.append(pair, Object.assign(document.createElement('small'), { textContent: title }));
  button.addEventListener('click', () => {
    if (root.dataset.state === 'busy') return;
    busy('Opening the example');
    send([], name);
  });
  return button;
}

$('.pd-examples').replaceChildren(...(props.examples || []).map(card));
root.__drop = { send: (files) => { busy('Parsing the photo'); send(files, null); } };
watch('step', () => { if (props.step && root.dataset.state === 'busy') busy(props.step); });
watch('done', () => { root.dataset.state = 'idle'; say(''); if (props.opened) root.dataset.used = ''; });
