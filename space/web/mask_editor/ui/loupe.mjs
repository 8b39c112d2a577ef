// A magnified view of what the drawing finger covers.
import { TOOLS } from './tools.mjs';

const SIDE = 112; // CSS pixels.
const ZOOM = 2;
// A finger nearer to the loupe's corner than this, CSS pixels, sends it to the other one.
const CLOSE = SIDE + 48;

export class Loupe {
  /** @param {import('./app.mjs').App} app a `Pointer` has been made for it, and hears of a finger first */
  constructor(app, root) {
    this.app = app;
    this.canvas = root.querySelector('.fme-loupe');
    this.context = this.canvas.getContext('2d');
    this.frame = 0;
    for (const type of ['pointerdown', 'pointermove', 'pointerup', 'pointercancel']) {
      app.stage.canvas.addEventListener(type, (event) => {
        if (event.pointerType === 'touch') this.follow(event);
      });
    }
  }

  follow({ clientX, clientY }) {
    const { app, canvas } = this;
    canvas.hidden = !app.isFingerDrawing();
    if (canvas.hidden) return;
    const { left, top } = app.stage.canvas.getBoundingClientRect();
    this.point = [clientX - left, clientY - top];
    const [x, y] = this.point;
    canvas.classList.toggle('fme-right', x < CLOSE && y < CLOSE);
    // After the stage, which asked for its drawing of this frame before.
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { canvas, context, point: [x, y] } = this;
    const { stage } = this.app;
    const { ratio } = stage;
    const side = Math.round(SIDE * ratio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#1b1d22';
    context.fillRect(0, 0, side, side);
    context.imageSmoothingEnabled = false;
    context.setTransform(ZOOM, 0, 0, ZOOM, side / 2 - x * ratio * ZOOM, side / 2 - y * ratio * ZOOM);
    context.drawImage(stage.canvas, 0, 0);
    this.drawMark(side / 2);
  }

  /** The brush's ring, or a small one about the point of a tool without. */
  drawMark(middle) {
    const { context, app } = this;
    const { ratio, view } = app.stage;
    const { size, tool } = app.state;
    const across = TOOLS[tool].ring ? (2 * size + 1) * view.scale * ratio * ZOOM : 6 * ratio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const [color, width] of [['rgb(0 0 0 / 75%)', 3], ['#fff', 1]]) {
      context.beginPath();
      context.arc(middle, middle, Math.max(2, across / 2), 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = width * ratio;
      context.stroke();
    }
  }
}
