// The timeline: thumbnails, marked frames, where each object is seen, and where the model is unsure.

import { byId, clamp, onceAFrame } from './dom.js';
import { RETRY } from './frames.js';

const THUMBS = 46;
const RULER = 18;
const ROW = 14;
const ROWS_SHOWN = 6;
const DOUBT = 26;
const GUTTER = 92;
const PADDING = 10;

export class Timeline {
  /** @param {import('./store.js').Store} store @param {import('./actions.js').Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    /** @type {HTMLElement} */
    this.element = byId('timeline');
    /** @type {HTMLCanvasElement} */
    this.canvas = byId('tracks');
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    /** @type {import('./media.js').Media|null} */
    this.media = null;
    /** Frames in sight. */
    this.from = 0;
    this.to = 1;
    /** @type {Map<number, HTMLImageElement>} */
    this.thumbnails = new Map();
    this.draw = onceAFrame(() => this.paint());
    new ResizeObserver(() => this.draw()).observe(this.element);
    store.watch(['project'], () => this.fit());
    store.watch(['frame', 'playing'], () => this.follow());
    store.watch(['versions', 'present', 'doubt', 'marks', 'interacted', 'objects', 'object', 'range', 'suggestions', 'job', 'theme'], this.draw);
    this.element.addEventListener('pointerdown', (event) => this.down(event));
    this.element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.element.addEventListener('pointermove', (event) => this.hover(event));
  }

  /** @param {import('./media.js').Media} media */
  show(media) {
    this.media = media;
    this.thumbnails.clear();
    this.fit();
  }

  get frames() {
    return this.store.state.project?.frames ?? 1;
  }

  fit() {
    this.from = 0;
    this.to = this.frames;
    this.draw();
  }

  follow() {
    const { frame } = this.store.state;
    const span = this.to - this.from;
    if (span < this.frames && (frame < this.from || frame >= this.to)) this.look(frame - span / 2, span);
    this.element.setAttribute('aria-valuemax', String(this.frames - 1));
    this.element.setAttribute('aria-valuenow', String(frame));
    this.element.setAttribute('aria-valuetext', `frame ${frame} of ${this.frames - 1}`);
    this.draw();
  }

  /** @param {number} from @param {number} span */
  look(from, span) {
    const length = clamp(span, Math.min(this.frames, 12), this.frames);
    this.from = clamp(from, 0, this.frames - length);
    this.to = this.from + length;
    this.draw();
  }

  // Frame f covers the pixels x(f) .. x(f + 1).
  /** @param {number} frame */
  x(frame) {
    return this.left + ((frame - this.from) / (this.to - this.from)) * (this.width - this.left - PADDING);
  }

  /** @param {number} x */
  frameAt(x) {
    return clamp(Math.floor(this.from + ((x - this.left) / (this.width - this.left - PADDING)) * (this.to - this.from)), 0, this.frames - 1);
  }

  get left() {
    return this.width < 620 ? PADDING : GUTTER;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.media || event.button > 1) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    const box = this.element.getBoundingClientRect();
    const at = (/** @type {PointerEvent} */ e) => this.frameAt(e.clientX - box.left);
    const start = at(event);
    const pans = event.button === 1;
    const [from, x0] = [this.from, event.clientX];
    const ranging = event.shiftKey;
    const act = (/** @type {PointerEvent} */ e) => {
      if (pans) this.look(from - ((e.clientX - x0) / (this.width - this.left)) * (this.to - this.from), this.to - this.from);
      else if (ranging) this.store.set({ range: [Math.min(start, at(e)), Math.max(start, at(e))] });
      else this.actions.seek(at(e));
    };
    if (!pans && !ranging) act(event);
    const end = () => {
      window.removeEventListener('pointermove', act);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
    };
    window.addEventListener('pointermove', act);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.media) return;
    event.preventDefault();
    const span = this.to - this.from;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.look(this.from + ((event.deltaX || event.deltaY) / 600) * span, span);
      return;
    }
    const x = event.clientX - this.element.getBoundingClientRect().left;
    const pivot = this.from + ((x - this.left) / (this.width - this.left - PADDING)) * span;
    const next = span * Math.exp(event.deltaY * 0.0016);
    this.look(pivot - (pivot - this.from) * (clamp(next, Math.min(this.frames, 12), this.frames) / span), next);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const box = this.element.getBoundingClientRect();
    if (!this.media || event.clientX - box.left < this.left) return this.element.removeAttribute('title');
    const frame = this.frameAt(event.clientX - box.left);
    const { interacted, marks, doubt, present, objects } = this.store.state;
    const names = (present[frame] ?? []).map((/** @type {number} */ id) => objects.find((/** @type {any} */ o) => o.id === id)?.name ?? `Object ${id}`);
    this.element.title = [
      `Frame ${frame}`,
      interacted.has(frame) && 'marked by you',
      marks.has(frame) && 'has pending marks',
      names.length && `shows ${names.join(', ')}`,
      !Number.isNaN(doubt[frame]) && !interacted.has(frame) && `doubt ${Math.round(doubt[frame] * 100)} %`,
    ].filter(Boolean).join(' · ');
  }

  get width() {
    return this.element.clientWidth;
  }

  get height() {
    const rows = clamp(this.store.state.objects.length, 1, ROWS_SHOWN);
    return THUMBS + RULER + rows * ROW + 6 + DOUBT + 6;
  }

  paint() {
    const { context, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.width, this.height];
    this.element.style.height = `${height}px`;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(this.element);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.media || !this.store.state.project) return;
    context.font = '11px ' + colour('--font');
    this.paintThumbnails(colour);
    this.paintRuler(colour);
    const bottom = this.paintPresence(colour);
    this.paintDoubt(colour, bottom + 6);
    this.paintRange(colour, height);
    this.paintPlayhead(colour, height);
  }

  /** @param {(name: string) => string} colour */
  paintThumbnails(colour) {
    const { context, width, left } = this;
    const project = this.store.state.project;
    const wide = Math.max(28, ((THUMBS - 2) * project.width) / project.height);
    const [start, end] = [left, width - PADDING];
    context.save();
    context.beginPath();
    context.roundRect(start, 0, end - start, THUMBS - 2, 5);
    context.clip();
    context.fillStyle = colour('--raised');
    context.fillRect(start, 0, end - start, THUMBS);
    for (let x = start; x < end; x += wide) {
      const frame = this.frameAt(x + wide / 2);
      const image = this.thumbnail(frame);
      if (image.complete && image.naturalWidth) context.drawImage(image, x, 0, wide - 1, THUMBS - 2);
    }
    context.restore();
  }

  /** @param {number} frame */
  thumbnail(frame) {
    let image = this.thumbnails.get(frame);
    if (!image) {
      image = new Image();
      image.onload = this.draw;
      image.onerror = () => setTimeout(() => {
        this.thumbnails.delete(frame);
        this.draw();
      }, RETRY);
      image.src = /** @type {import('./media.js').Media} */ (this.media).api.thumbnail(frame);
      this.thumbnails.set(frame, image);
      if (this.thumbnails.size > 400) this.thumbnails.delete(this.thumbnails.keys().next().value ?? 0);
    }
    return image;
  }

  /** @param {(name: string) => string} colour */
  paintRuler(colour) {
    const { context } = this;
    const { interacted, marks, suggestions } = this.store.state;
    const top = THUMBS;
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
    const step = steps.find((s) => (this.x(s) - this.x(0)) > 56) ?? 20000;
    context.fillStyle = colour('--faint');
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const middle = (/** @type {number} */ f) => (this.x(f) + this.x(f + 1)) / 2;
    const shapes = [...suggestions, ...interacted, ...marks.keys()].map(middle);
    for (let f = Math.ceil(this.from / step) * step; f < this.to; f += step) {
      const x = Math.round(this.x(f));
      context.fillRect(x, top + 1, 1, 5);
      const wide = context.measureText(String(f)).width;
      if (!shapes.some((at) => at > x - 6 && at < x + wide + 12)) context.fillText(String(f), x + 4, top + RULER / 2);
    }
    const inSight = (/** @type {number} */ f) => f >= this.from - 1 && f < this.to + 1;
    for (const f of suggestions) if (inSight(f)) this.shape(middle(f), top + RULER / 2, 'ring', colour('--warning'));
    for (const f of interacted) if (inSight(f)) this.shape(middle(f), top + RULER / 2, 'diamond', colour('--accent'));
    for (const f of marks.keys()) if (inSight(f)) this.shape(middle(f), top + RULER / 2, 'dot', colour('--text'));
    if (this.left > PADDING) this.label('Frames', top + RULER / 2, colour('--muted'));
  }

  /** @param {number} x @param {number} y @param {'diamond'|'dot'|'ring'} kind @param {string} color */
  shape(x, y, kind, color) {
    const { context } = this;
    context.beginPath();
    if (kind === 'diamond') {
      context.moveTo(x, y - 6);
      context.lineTo(x + 5, y);
      context.lineTo(x, y + 6);
      context.lineTo(x - 5, y);
      context.closePath();
    } else context.arc(x, y, kind === 'dot' ? 3 : 6.500, 0, 2 * Math.PI);
    if (kind === 'ring') {
      context.strokeStyle = color;
      context.lineWidth = 1.500;
      context.stroke();
    } else {
      context.fillStyle = color;
      context.fill();
    }
  }

  /** @param {string} text @param {number} y @param {string} color */
  label(text, y, color) {
    const { context } = this;
    context.fillStyle = color;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    let shown = text;
    while (shown.length > 3 && context.measureText(shown).width > GUTTER - 28) shown = `${shown.slice(0, -2)}…`;
    context.fillText(shown, 12, y);
  }

  /** @param {(name: string) => string} colour @returns {number} the y below the rows */
  paintPresence(colour) {
    const { context } = this;
    const { objects, present, object } = this.store.state;
    const top = THUMBS + RULER;
    const chosen = objects.findIndex((/** @type {any} */ o) => o.id === object);
    const first = Math.max(0, chosen + 1 - ROWS_SHOWN); // the chosen one is always in sight
    const rows = objects.slice(first, first + ROWS_SHOWN);
    rows.forEach((/** @type {any} */ item, /** @type {number} */ row) => {
      const y = top + row * ROW + 1;
      context.fillStyle = colour('--raised');
      context.beginPath();
      context.roundRect(this.left, y + 3, this.width - PADDING - this.left, ROW - 7, 2);
      context.fill();
      context.globalAlpha = item.hidden ? 0.25 : item.id === object ? 1 : 0.7;
      context.fillStyle = item.color;
      let start = -1;
      for (let f = Math.max(0, Math.floor(this.from)); f <= Math.min(this.frames, Math.ceil(this.to)); f++) {
        const here = f < this.frames && f < this.to && (present[f]?.includes(item.id) ?? false);
        if (here && start < 0) start = f;
        if (!here && start >= 0) {
          const a = Math.max(this.left, this.x(start));
          context.fillRect(a, y + 3, Math.max(1, this.x(f) - a), ROW - 7);
          start = -1;
        }
      }
      context.globalAlpha = 1;
      if (this.left > PADDING) {
        context.font = '10px ' + colour('--font');
        this.label(item.name, y + ROW / 2, item.id === object ? colour('--text') : colour('--muted'));
        context.font = '11px ' + colour('--font');
      }
    });
    if (objects.length > ROWS_SHOWN && this.left > PADDING) {
      context.fillStyle = colour('--faint');
      context.textAlign = 'right';
      context.fillText(`+${objects.length - ROWS_SHOWN}`, GUTTER - 6, top + (ROWS_SHOWN - 0.5) * ROW + 1);
    }
    return top + clamp(rows.length, 1, ROWS_SHOWN) * ROW;
  }

  /** @param {(name: string) => string} colour @param {number} top */
  paintDoubt(colour, top) {
    const { context, left, width } = this;
    const { doubt, interacted, versions } = this.store.state;
    if (left > PADDING) this.label('Doubt', top + DOUBT / 2, colour('--muted'));
    context.fillStyle = colour('--raised');
    context.beginPath();
    context.roundRect(left, top, width - PADDING - left, DOUBT, 3);
    context.fill();
    const [from, to] = [Math.max(0, Math.floor(this.from)), Math.min(this.frames, Math.ceil(this.to))];
    const full = doubt.reduce((/** @type {number} */ most, /** @type {number} */ d) => (d > most ? Math.min(1, d) : most), 0.2); // a NaN is not larger
    const calm = colour('--calm');
    const warning = colour('--warning');
    for (let f = from; f < to; f++) {
      if (!versions[f] || Number.isNaN(doubt[f])) continue;
      const high = interacted.has(f) ? 2 : Math.max(2, Math.min(1, doubt[f] / full) * DOUBT);
      context.fillStyle = interacted.has(f) ? colour('--accent') : doubt[f] > 0.35 ? warning : calm;
      const a = Math.max(left, this.x(f));
      context.fillRect(a, top + DOUBT - high, Math.max(1, this.x(f + 1) - a - (this.x(1) - this.x(0) > 4 ? 1 : 0)), high);
    }
  }

  /** @param {(name: string) => string} colour @param {number} height */
  paintRange(colour, height) {
    const { context, left, width } = this;
    const { range } = this.store.state;
    if (!range) return;
    const [a, b] = [clamp(this.x(range[0]), left, width - PADDING), clamp(this.x(range[1] + 1), left, width - PADDING)];
    context.fillStyle = colour('--veil');
    context.fillRect(left, 0, a - left, height - 4);
    context.fillRect(b, 0, width - PADDING - b, height - 4);
    context.fillStyle = colour('--accent');
    context.fillRect(a, 0, 2, height - 4);
    context.fillRect(b - 2, 0, 2, height - 4);
  }

  /** @param {(name: string) => string} colour @param {number} height */
  paintPlayhead(colour, height) {
    const { context } = this;
    const x = this.x(this.store.state.frame + 0.500);
    if (x < this.left - 1 || x > this.width) return;
    context.fillStyle = colour('--text');
    context.fillRect(Math.round(x) - 1, 0, 2, height - 4);
    context.beginPath();
    context.roundRect(x - 5, THUMBS - 3, 10, 6, 3);
    context.fill();
  }
}
