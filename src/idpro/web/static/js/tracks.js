// What the timeline shows, painted on its canvas: thumbnails, ruler, where each object is seen, doubt, range, overview.

import { clamp } from './dom.js';
import { RETRY } from './frames.js';

export const RULER = 18;
export const ROW = 14;
export const GUTTER = 92;
export const PADDING = 10;
export const OVERVIEW = 8;
const GAP = 5;

/**
 * The heights of the tracks, which depend on the window alone: the picture keeps its place whatever is added to the lists.
 * @typedef {{thumbs: number, rows: number, doubt: number, rowsTop: number, doubtTop: number, overviewTop: number, height: number}} Layout
 * @param {number} high of the window @returns {Layout}
 */
export function layoutFor(high) {
  const [thumbs, rows, doubt] = high < 640 ? [30, 2, 18] : high < 820 ? [46, 4, 24] : high < 1200 ? [46, 6, 26] : [64, 10, 34];
  const rowsTop = thumbs + RULER;
  const doubtTop = rowsTop + rows * ROW + GAP;
  const overviewTop = doubtTop + doubt + GAP;
  return { thumbs, rows, doubt, rowsTop, doubtTop, overviewTop, height: overviewTop + OVERVIEW + 4 };
}

export class Tracks {
  /** @param {import('./timeline.js').Timeline} timeline @param {HTMLCanvasElement} canvas */
  constructor(timeline, canvas) {
    this.timeline = timeline;
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    /** @type {Map<number, HTMLImageElement>} */
    this.thumbnails = new Map();
    /** @type {Layout} */
    this.layout = layoutFor(innerHeight);
  }

  get state() {
    return this.timeline.store.state;
  }

  get width() {
    return this.timeline.width;
  }

  get left() {
    return this.timeline.left;
  }

  paint() {
    const { context, canvas, timeline } = this;
    const ratio = window.devicePixelRatio || 1;
    this.layout = layoutFor(innerHeight);
    const [width, height] = [this.width, this.layout.height];
    timeline.element.style.height = `${height}px`;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const style = getComputedStyle(timeline.element);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!timeline.media || !this.state.project) return;
    context.font = '11px ' + colour('--font');
    this.paintThumbnails(colour);
    this.paintRuler(colour);
    this.paintPresence(colour);
    this.paintDoubt(colour);
    this.paintRange(colour);
    this.paintPlayhead(colour);
    this.paintOverview(colour);
  }

  /** @param {(name: string) => string} colour */
  paintThumbnails(colour) {
    const { context, width, left, timeline } = this;
    const { thumbs } = this.layout;
    const { project } = this.state;
    const wide = Math.max(28, ((thumbs - 2) * project.width) / project.height);
    const [start, end] = [left, width - PADDING];
    context.save();
    context.beginPath();
    context.roundRect(start, 0, end - start, thumbs - 2, 5);
    context.clip();
    context.fillStyle = colour('--raised');
    context.fillRect(start, 0, end - start, thumbs);
    for (let x = start; x < end; x += wide) {
      const image = this.thumbnail(timeline.frameAt(x + wide / 2));
      if (image.complete && image.naturalWidth) context.drawImage(image, x, 0, wide - 1, thumbs - 2);
    }
    context.restore();
  }

  /** @param {number} frame */
  thumbnail(frame) {
    const media = /** @type {import('./media.js').Media} */ (this.timeline.media);
    let image = this.thumbnails.get(frame);
    if (!image) {
      image = new Image();
      image.onload = this.timeline.draw;
      image.onerror = () => setTimeout(() => {
        if (media.frames.refused.has(frame) || media.frames.closed) return; // a frame that cannot be read has no thumbnail either
        this.thumbnails.delete(frame);
        this.timeline.draw();
      }, RETRY);
      image.src = media.api.thumbnail(frame);
      this.thumbnails.set(frame, image);
      if (this.thumbnails.size > 400) this.thumbnails.delete(this.thumbnails.keys().next().value ?? 0);
    }
    return image;
  }

  /** @param {(name: string) => string} colour */
  paintRuler(colour) {
    const { context, timeline } = this;
    const { interacted, marks, suggestions } = this.state;
    const top = this.layout.thumbs;
    const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
    const step = steps.find((s) => timeline.x(s) - timeline.x(0) > 56) ?? 20000;
    context.fillStyle = colour('--faint');
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const middle = (/** @type {number} */ f) => (timeline.x(f) + timeline.x(f + 1)) / 2;
    const shapes = [...suggestions, ...interacted, ...marks.keys()].map(middle);
    for (let f = Math.ceil(timeline.from / step) * step; f < timeline.to; f += step) {
      const x = Math.round(timeline.x(f));
      context.fillRect(x, top + 1, 1, 5);
      const wide = context.measureText(String(f)).width;
      if (!shapes.some((at) => at > x - 6 && at < x + wide + 12)) context.fillText(String(f), x + 4, top + RULER / 2);
    }
    const inSight = (/** @type {number} */ f) => f >= timeline.from - 1 && f < timeline.to + 1;
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
    } else context.arc(x, y, kind === 'dot' ? 3 : 6.5, 0, 2 * Math.PI);
    if (kind === 'ring') {
      context.strokeStyle = color;
      context.lineWidth = 1.5;
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
    while (shown.length > 3 && context.measureText(shown).width > GUTTER - 18) shown = `${shown.slice(0, -2)}…`;
    context.fillText(shown, 12, y);
  }

  /** @param {(name: string) => string} colour */
  paintPresence(colour) {
    const { context, timeline } = this;
    const { objects, present, object } = this.state;
    const { rowsTop, rows } = this.layout;
    const right = this.width - PADDING;
    context.save();
    context.beginPath();
    context.rect(0, rowsTop, this.width, rows * ROW);
    context.clip();
    context.font = '10px ' + colour('--font');
    const first = Math.floor(timeline.scrolled);
    objects.slice(first, first + rows + 1).forEach((/** @type {any} */ item, /** @type {number} */ i) => {
      const y = rowsTop + (first + i - timeline.scrolled) * ROW;
      context.fillStyle = colour('--raised');
      context.beginPath();
      context.roundRect(this.left, y + 4, right - this.left, ROW - 7, 2);
      context.fill();
      context.globalAlpha = item.hidden ? 0.25 : item.id === object ? 1 : 0.7;
      context.fillStyle = item.color;
      let start = -1;
      for (let f = Math.max(0, Math.floor(timeline.from)); f <= Math.min(timeline.frames, Math.ceil(timeline.to)); f++) {
        const here = f < timeline.frames && f < timeline.to && (present[f]?.includes(item.id) ?? false);
        if (here && start < 0) start = f;
        if (!here && start >= 0) {
          const a = Math.max(this.left, timeline.x(start));
          context.fillRect(a, y + 4, Math.max(1, Math.min(right, timeline.x(f)) - a), ROW - 7);
          start = -1;
        }
      }
      context.globalAlpha = 1;
      if (this.left > PADDING) this.label(`${item.id} ${item.name}`, y + ROW / 2 + 0.5, item.id === object ? colour('--text') : colour('--muted'));
    });
    context.restore();
    if (objects.length > rows) {
      const high = rows * ROW;
      context.fillStyle = colour('--faint');
      context.beginPath();
      context.roundRect(this.width - 6, rowsTop + (timeline.scrolled / objects.length) * high, 4, (rows / objects.length) * high, 2);
      context.fill();
    }
  }

  /** @param {(name: string) => string} colour */
  paintDoubt(colour) {
    const { context, left, width, timeline } = this;
    const { doubt, interacted, versions } = this.state;
    const { doubtTop: top, doubt: high } = this.layout;
    if (left > PADDING) this.label('Doubt', top + high / 2, colour('--muted'));
    context.fillStyle = colour('--raised');
    context.beginPath();
    context.roundRect(left, top, width - PADDING - left, high, 3);
    context.fill();
    const [from, to] = [Math.max(0, Math.floor(timeline.from)), Math.min(timeline.frames, Math.ceil(timeline.to))];
    const full = doubt.reduce((/** @type {number} */ most, /** @type {number} */ d) => (d > most ? Math.min(1, d) : most), 0.2); // a NaN is not larger
    const calm = colour('--calm');
    const warning = colour('--warning');
    for (let f = from; f < to; f++) {
      if (!versions[f] || Number.isNaN(doubt[f])) continue;
      const tall = interacted.has(f) ? 2 : Math.max(2, Math.min(1, doubt[f] / full) * high);
      context.fillStyle = interacted.has(f) ? colour('--accent') : doubt[f] > 0.35 ? warning : calm;
      const a = Math.max(left, timeline.x(f));
      context.fillRect(a, top + high - tall, Math.max(1, timeline.x(f + 1) - a - (timeline.x(1) - timeline.x(0) > 4 ? 1 : 0)), tall);
    }
  }

  /** @param {(name: string) => string} colour */
  paintRange(colour) {
    const { context, left, width, timeline } = this;
    const { range } = this.state;
    if (!range) return;
    const high = this.layout.overviewTop - GAP;
    const [a, b] = [clamp(timeline.x(range[0]), left, width - PADDING), clamp(timeline.x(range[1] + 1), left, width - PADDING)];
    context.fillStyle = colour('--veil');
    context.fillRect(left, 0, a - left, high);
    context.fillRect(b, 0, width - PADDING - b, high);
    context.fillStyle = colour('--accent');
    context.fillRect(a, 0, 2, high);
    context.fillRect(b - 2, 0, 2, high);
  }

  /** @param {(name: string) => string} colour */
  paintPlayhead(colour) {
    const { context, layout } = this;
    const x = this.timeline.x(this.state.frame + 0.5);
    if (x < this.left - 1 || x > this.width - PADDING + 1) return;
    context.fillStyle = colour('--text');
    context.fillRect(Math.round(x) - 1, 0, 2, layout.overviewTop - GAP);
    context.beginPath();
    context.roundRect(x - 5, layout.thumbs - 3, 10, 6, 3);
    context.fill();
  }

  /** The whole clip, the part in sight, the playhead and the marked frames. @param {(name: string) => string} colour */
  paintOverview(colour) {
    const { context, timeline, left } = this;
    const { overviewTop: top } = this.layout;
    if (!timeline.zoomed) return;
    const wide = this.width - PADDING - left;
    const at = (/** @type {number} */ f) => left + (f / timeline.frames) * wide;
    context.fillStyle = colour('--raised');
    context.beginPath();
    context.roundRect(left, top, wide, OVERVIEW, 4);
    context.fill();
    context.fillStyle = colour('--faint');
    context.beginPath();
    context.roundRect(at(timeline.from), top, Math.max(8, at(timeline.to) - at(timeline.from)), OVERVIEW, 4);
    context.fill();
    context.fillStyle = colour('--accent');
    for (const f of this.state.interacted) context.fillRect(at(f + 0.5) - 1, top, 2, OVERVIEW);
    context.fillStyle = colour('--text');
    context.fillRect(at(this.state.frame + 0.5) - 1, top - 2, 2, OVERVIEW + 4);
  }
}
