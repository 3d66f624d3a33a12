// The stage: the frame with its masks on one canvas, marks and the cursor on another above it.

import { Compositor } from './compositor.js';
import { byId, onceAFrame } from './dom.js';
import { drawCursor, drawMark } from './ink.js';
import { isExact, withExactMarks } from './runs.js';
import { Viewport } from './viewport.js';

/** @typedef {import('./store.js').Mark} Mark */
/** @typedef {import('./runs.js').PixelMask} PixelMask */

export class Stage {
  /** @param {import('./store.js').Store} store */
  constructor(store) {
    this.store = store;
    /** @type {HTMLElement} */
    this.element = byId('stage');
    /** @type {HTMLCanvasElement} */
    this.pictureCanvas = byId('picture');
    /** @type {HTMLCanvasElement} */
    this.inkCanvas = byId('ink');
    this.picture = /** @type {CanvasRenderingContext2D} */ (this.pictureCanvas.getContext('2d', { alpha: true }));
    this.ink = /** @type {CanvasRenderingContext2D} */ (this.inkCanvas.getContext('2d'));
    this.compositor = new Compositor();
    this.drawPicture = onceAFrame(() => this.paintPicture());
    this.drawInk = onceAFrame(() => this.paintInk());
    this.viewport = new Viewport(() => {
      store.set({ zoom: this.viewport.scale });
      this.drawPicture();
      this.drawInk();
    });
    /** @type {import('./media.js').Media|null} */
    this.media = null;
    /** The frame on the canvas: the playhead's, or the last one that had arrived. */
    this.shown = -1;
    /** @type {Mark|null} what is being drawn */
    this.draft = null;
    /** @type {PixelMask|null} the mask while it is painted on */
    this.painted = null;
    /** @type {{at: [number, number], diameter: number, color: string, dashed: boolean}|null} */
    this.cursor = null;
    this.composed = '';
    this.paints = 0;
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.resize();
    store.watch(['frame', 'versions', 'objects', 'object', 'view', 'project', 'marks', 'attention', 'preview'], () => {
      this.drawPicture();
      this.drawInk();
    });
    store.watch(['selected', 'tool', 'committed', 'interacted'], this.drawInk);
  }

  /** @param {import('./media.js').Media} media */
  show(media) {
    this.media = media;
    this.shown = -1;
    this.composed = '';
    this.viewport.setFrame(media.project.width, media.project.height);
  }

  resize() {
    const { width, height } = this.element.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.pictureCanvas, this.inkCanvas]) {
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
    }
    this.ratio = ratio;
    this.viewport.setStage(width, height);
    this.drawPicture();
    this.drawInk();
  }

  /** The mask under the pointer's frame with exact pending marks applied. @returns {PixelMask|null} */
  currentMask() {
    const { frame, versions, marks, view } = this.store.state;
    if (!this.media) return null;
    if (view.before) return this.media.before.get(frame, versions[frame])?.mask ?? null;
    const pending = marks.get(frame) ?? [];
    const kept = this.media.masks.get(frame, versions[frame])?.mask ?? null;
    const mask = this.previewed() ?? kept;
    const base = mask ?? (pending.some((/** @type {Mark} */ m) => m.kind === 'paint' || m.kind === 'area') ? this.media.emptyMask() : null);
    return base && withExactMarks(base, pending);
  }

  /** The live preview of the frame in sight. @returns {PixelMask|null} */
  previewed() {
    const { frame, preview, view, marks } = this.store.state;
    return preview?.frame === frame && view.preview && !view.before && marks.has(frame) ? preview.mask : null;
  }

  paintPicture() {
    const { picture, media, viewport } = this;
    const { frame, view, versions, marks } = this.store.state;
    const ratio = this.ratio ?? 1;
    picture.setTransform(1, 0, 0, 1, 0, 0);
    picture.clearRect(0, 0, this.pictureCanvas.width, this.pictureCanvas.height);
    if (!media) return;
    const bitmap = media.frames.get(frame) ?? (this.shown >= 0 ? media.frames.get(this.shown) : undefined);
    if (media.frames.get(frame)) this.shown = frame;
    this.element.classList.toggle('waiting', this.shown !== frame);
    picture.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { x, y, scale } = viewport;
    const [w, h] = [viewport.frame.width * scale, viewport.frame.height * scale];
    picture.imageSmoothingEnabled = scale < 3;
    if (!bitmap) {
      picture.fillStyle = 'rgba(128, 128, 140, 0.12)';
      picture.fillRect(x, y, w, h);
      return;
    }
    picture.drawImage(bitmap, x, y, w, h);
    if (this.shown !== frame || view.mode === 'off') return;
    const matte = view.mode === 'matte' ? media.matte(frame, this.store.state.object, versions[frame]) : null;
    if (matte) {
      picture.drawImage(matte, x, y, w, h);
      return;
    }
    const heat = this.store.state.attention?.images?.get(frame);
    if (heat) {
      picture.imageSmoothingEnabled = true;
      picture.drawImage(heat, x, y, w, h);
      return;
    }
    const mask = this.painted ?? this.currentMask();
    if (!mask) return;
    const pending = (marks.get(frame) ?? []).filter(isExact).map((/** @type {Mark} */ m) => m.id);
    const entry = (view.before ? media.before : media.masks).kept.get(frame);
    const key = [frame, entry?.version, this.previewed() ? this.store.state.preview.key : '', view.before, pending.join(), JSON.stringify(view), this.store.state.object, this.paints, JSON.stringify(this.store.state.objects)].join('|');
    if (key !== this.composed) {
      this.compositor.draw(mask, this.store.state.objects, view, this.store.state.object);
      this.composed = key;
    }
    picture.imageSmoothingEnabled = scale < 1;
    picture.drawImage(this.compositor.canvas, x, y, w, h);
  }

  paintInk() {
    const { ink, viewport } = this;
    const { marks, committed, interacted, frame, objects, selected, view, attention } = this.store.state;
    const ratio = this.ratio ?? 1;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, this.inkCanvas.width, this.inkCanvas.height);
    if (!this.media) return;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colors = new Map(objects.map((/** @type {any} */ o) => [o.id, o]));
    if (view.marks && (this.shown === frame || this.shown < 0)) {
      for (const mark of interacted.has(frame) ? (committed.get(frame) ?? []) : []) {
        const object = colors.get(mark.object);
        if (!object?.hidden) drawMark(ink, viewport, mark, object?.color ?? '#ffffff', mark.id === selected, true);
      }
      for (const mark of marks.get(frame) ?? []) {
        const object = colors.get(mark.object);
        if (!object?.hidden) drawMark(ink, viewport, mark, object?.color ?? '#ffffff', mark.id === selected);
      }
    }
    if (this.draft) drawMark(ink, viewport, this.draft, colors.get(this.draft.object)?.color ?? '#ffffff', false);
    if (attention?.point && attention.frame === frame) {
      const [x, y] = attention.point;
      drawCursor(ink, viewport.toStage(x, y), 16, '#ffffff', false);
    }
    if (this.cursor) drawCursor(ink, this.cursor.at, this.cursor.diameter, this.cursor.color, this.cursor.dashed);
  }

  /** Says that `painted` changed. */
  repaint() {
    this.paints += 1;
    this.drawPicture();
  }
}
