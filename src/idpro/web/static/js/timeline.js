// The timeline: which frames and which objects' rows are in sight, and what the pointer does there; tracks.js paints it.

import { byId, clamp, onceAFrame } from './dom.js';
import { GUTTER, PADDING, ROW, Tracks } from './tracks.js';

const FEWEST = 12; // frames in sight at most zoom

export class Timeline {
  /** @param {import('./store.js').Store} store @param {import('./actions.js').Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    /** @type {HTMLElement} */
    this.element = byId('timeline');
    /** @type {import('./media.js').Media|null} */
    this.media = null;
    /** Frames in sight. */
    this.from = 0;
    this.to = 1;
    /** The first row in sight, maybe in part. */
    this.scrolled = 0;
    this.tracks = new Tracks(this, byId('tracks'));
    this.draw = onceAFrame(() => this.tracks.paint());
    new ResizeObserver(() => this.draw()).observe(this.element);
    window.addEventListener('resize', () => this.revealObject());
    store.watch(['project'], () => this.fit());
    store.watch(['object', 'objects'], () => this.revealObject());
    store.watch(['frame', 'playing'], () => this.follow());
    store.watch(['versions', 'present', 'doubt', 'marks', 'interacted', 'objects', 'object', 'range', 'suggestions', 'job', 'theme'], this.draw);
    this.element.addEventListener('pointerdown', (event) => this.down(event));
    this.element.addEventListener('dblclick', (event) => this.within(event) === 'overview' && this.fit());
    this.element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.element.addEventListener('pointermove', (event) => this.hover(event));
  }

  /** @param {import('./media.js').Media} media */
  show(media) {
    this.media = media;
    this.tracks.thumbnails.clear();
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

  get zoomed() {
    return this.to - this.from < this.frames;
  }

  /** Scrolls the rows. @param {number} to the first row in sight */
  scroll(to) {
    this.scrolled = clamp(to, 0, Math.max(0, this.store.state.objects.length - this.tracks.layout.rows));
    this.draw();
  }

  /** The chosen object's row is always in sight. */
  revealObject() {
    const { objects, object } = this.store.state;
    const row = objects.findIndex((/** @type {any} */ o) => o.id === object);
    if (row < 0) return this.scroll(0);
    this.scroll(clamp(this.scrolled, row + 1 - this.tracks.layout.rows, row));
  }

  /** What is under the pointer. @param {MouseEvent} event @returns {'names'|'scrollbar'|'overview'|'frames'} */
  within(event) {
    const box = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { rowsTop, rows, overviewTop } = this.tracks.layout;
    if (y >= overviewTop - 2) return this.zoomed ? 'overview' : 'frames';
    const overRows = y >= rowsTop && y < rowsTop + rows * ROW;
    if (overRows && x < this.left && this.left > PADDING) return 'names';
    if (overRows && x > this.width - PADDING && this.store.state.objects.length > rows) return 'scrollbar';
    return 'frames';
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
    const length = clamp(span, Math.min(this.frames, FEWEST), this.frames);
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
    return this.width < 480 ? PADDING : GUTTER;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.media || event.button > 1) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    const box = this.element.getBoundingClientRect();
    const place = this.within(event);
    if (place === 'names') return this.choose(event.clientY - box.top);
    if (place !== 'frames') return this.drag(this.slider(place, event));
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
    this.drag(act);
  }

  /** @param {(event: PointerEvent) => void} act on every move until the button is released */
  drag(act) {
    const end = () => {
      window.removeEventListener('pointermove', act);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
    };
    window.addEventListener('pointermove', act);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  }

  /** Chooses the object whose name is at this height. @param {number} y */
  choose(y) {
    const object = this.store.state.objects[Math.floor(this.scrolled + (y - this.tracks.layout.rowsTop) / ROW)];
    if (object) this.store.set({ object: object.id });
  }

  /** Drags the scroll bar of the rows, or the part in sight of the overview. @param {'scrollbar'|'overview'} place @param {PointerEvent} event */
  slider(place, event) {
    const [x0, y0, scrolled] = [event.clientX, event.clientY, this.scrolled];
    if (place === 'scrollbar') {
      const { objects } = this.store.state;
      return (/** @type {PointerEvent} */ e) => this.scroll(scrolled + ((e.clientY - y0) / (this.tracks.layout.rows * ROW)) * objects.length);
    }
    const perPixel = this.frames / (this.width - this.left - PADDING);
    const pressed = (x0 - this.element.getBoundingClientRect().left - this.left) * perPixel;
    const span = this.to - this.from;
    if (pressed < this.from || pressed > this.to) this.look(pressed - span / 2, span);
    const { from } = this;
    return (/** @type {PointerEvent} */ e) => this.look(from + (e.clientX - x0) * perPixel, span);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.media) return;
    event.preventDefault();
    const span = this.to - this.from;
    const place = this.within(event);
    if (place === 'names' || place === 'scrollbar') return this.scroll(this.scrolled + event.deltaY / 40);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.look(this.from + ((event.deltaX || event.deltaY) / 600) * span, span);
      return;
    }
    const x = event.clientX - this.element.getBoundingClientRect().left;
    const pivot = this.from + ((x - this.left) / (this.width - this.left - PADDING)) * span;
    const next = clamp(span * Math.exp(event.deltaY * 0.0016), Math.min(this.frames, FEWEST), this.frames);
    const { frame } = this.store.state;
    const from = pivot - (pivot - this.from) * (next / span);
    const seen = frame >= this.from && frame < this.to; // the playhead stays in sight
    this.look(seen ? clamp(from, frame + 1 - next, frame) : from, next);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const box = this.element.getBoundingClientRect();
    if (!this.media) return;
    const place = this.within(event);
    this.element.style.cursor = place === 'names' ? 'pointer' : '';
    if (place === 'overview') return void (this.element.title = 'The whole clip: drag to move, double click to see all of it (Shift+F)');
    if (place !== 'frames' || event.clientX - box.left < this.left) return this.element.removeAttribute('title');
    const frame = this.frameAt(event.clientX - box.left);
    const { project, interacted, marks, doubt, present, objects } = this.store.state;
    const names = (present[frame] ?? []).map((/** @type {number} */ id) => objects.find((/** @type {any} */ o) => o.id === id)?.name ?? `Object ${id}`);
    this.element.title = [
      `Frame ${frame}${project.names ? `, ${project.names[frame]}` : ''}`,
      interacted.has(frame) && 'marked by you',
      marks.has(frame) && 'has pending marks',
      names.length && `shows ${names.join(', ')}`,
      !Number.isNaN(doubt[frame]) && !interacted.has(frame) && `doubt ${Math.round(doubt[frame] * 100)} %`,
    ].filter(Boolean).join(' · ');
  }

  get width() {
    return this.element.clientWidth;
  }
}
