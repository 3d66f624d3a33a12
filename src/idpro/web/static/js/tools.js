// The tools: what each does with a drag. A tool is {down, move, up, cancel}; points come as fractions of the frame.

import { freshId } from './dom.js';
import { eraseFrom, touches } from './ink.js';
import { applyExact, paintSegment } from './runs.js';

/**
 * @typedef {{unit: [number, number], stage: [number, number], alt: boolean}} Spot
 * @typedef {{down: (spot: Spot) => boolean|void, move?: (spot: Spot) => void, up?: (spot: Spot) => void, cancel?: () => void}} Tool
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./actions.js').Actions} Actions
 * @typedef {import('./store.js').Mark} Mark
 */

const SPACING = 1.5; // CSS pixels between the points of a stroke

/** A line that follows the hand a little late, which takes the tremor out. */
class Trail {
  /** @param {Spot} spot */
  constructor(spot) {
    /** @type {[number, number][]} */
    this.points = [spot.unit];
    this.last = spot.stage;
    /** @type {[number, number]} */
    this.smooth = spot.unit;
  }

  /** @param {Spot} spot whether a point was added */
  add(spot) {
    if (Math.hypot(spot.stage[0] - this.last[0], spot.stage[1] - this.last[1]) < SPACING) return false;
    this.smooth = [0.35 * this.smooth[0] + 0.65 * spot.unit[0], 0.35 * this.smooth[1] + 0.65 * spot.unit[1]];
    this.points.push(this.smooth);
    this.last = spot.stage;
    return true;
  }

  /** @param {Spot} spot */
  end(spot) {
    if (this.points.length > 1) this.points.push(spot.unit);
    return this.points.map(([x, y]) => /** @type {[number, number]} */ ([round(x), round(y)]));
  }
}

/** @param {number} x */
const round = (x) => Math.round(x * 1e5) / 1e5;

/** @param {Stage} stage @param {Actions} actions @param {boolean} background @returns {Tool} */
function strokeTool(stage, actions, background) {
  const { store } = stage;
  /** @type {Trail|null} */
  let trail = null;
  return {
    down(spot) {
      const erases = background || spot.alt;
      const object = erases ? 0 : actions.objectToDraw();
      if (object === null) return false;
      trail = new Trail(spot);
      const width = background ? store.state.widths.background : store.state.widths.brush;
      stage.draft = { kind: 'stroke', id: freshId(), object, points: trail.points, width };
      stage.drawInk();
    },
    move(spot) {
      if (trail?.add(spot)) stage.drawInk();
    },
    up(spot) {
      if (trail && stage.draft) actions.addMark({ ...stage.draft, points: trail.end(spot) });
      this.cancel?.();
    },
    cancel() {
      trail = null;
      stage.draft = null;
      stage.drawInk();
    },
  };
}

/** @param {Stage} stage @param {Actions} actions @returns {Tool} */
function clickTool(stage, actions) {
  return {
    down(spot) {
      const object = spot.alt ? 0 : actions.objectToDraw();
      if (object === null) return false;
      actions.addMark({ kind: 'stroke', id: freshId(), object, points: [[round(spot.unit[0]), round(spot.unit[1])]], width: stage.store.state.widths.brush });
    },
  };
}

/** @param {Stage} stage @param {Actions} actions @returns {Tool} */
function boxTool(stage, actions) {
  /** @type {Spot|null} */
  let from = null;
  const box = (/** @type {Spot} */ a, /** @type {Spot} */ b) => ({
    x0: round(Math.min(a.unit[0], b.unit[0])), y0: round(Math.min(a.unit[1], b.unit[1])),
    x1: round(Math.max(a.unit[0], b.unit[0])), y1: round(Math.max(a.unit[1], b.unit[1])),
  });
  return {
    down(spot) {
      const object = actions.objectToDraw();
      if (object === null) return false;
      from = spot;
      stage.draft = { kind: 'box', id: freshId(), object, ...box(spot, spot) };
    },
    move(spot) {
      if (!from || !stage.draft) return;
      stage.draft = { ...stage.draft, ...box(from, spot) };
      stage.drawInk();
    },
    up(spot) {
      if (from && stage.draft && Math.abs(spot.stage[0] - from.stage[0]) > 4 && Math.abs(spot.stage[1] - from.stage[1]) > 4) {
        actions.addMark({ ...stage.draft, ...box(from, spot) });
      }
      this.cancel?.();
    },
    cancel() {
      from = null;
      stage.draft = null;
      stage.drawInk();
    },
  };
}

/** The mask brush: pixels change under the pointer. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function paintTool(stage, actions) {
  const { store } = stage;
  /** @type {Trail|null} */
  let trail = null;
  /** @type {Mark|null} */
  let mark = null;
  return {
    down(spot) {
      const object = spot.alt || store.state.paintErases ? 0 : actions.objectToDraw();
      if (object === null || !stage.media) return false;
      const mask = stage.currentMask() ?? stage.media.emptyMask();
      stage.painted = { ...mask, ids: mask.ids.slice() };
      trail = new Trail(spot);
      mark = { kind: 'paint', id: freshId(), object, points: trail.points, width: store.state.widths.paint, spares: actions.locked() };
      applyExact(stage.painted, mark);
      stage.repaint();
    },
    move(spot) {
      if (!trail || !mark || !stage.painted || !trail.add(spot)) return;
      const { width, height } = stage.painted;
      const [a, b] = trail.points.slice(-2).map(([x, y]) => /** @type {[number, number]} */ ([x * width, y * height]));
      paintSegment(stage.painted, mark, a, b, Math.max(0.5, ((mark.width ?? 0) * Math.min(width, height)) / 2));
      stage.repaint();
    },
    up(spot) {
      if (trail && mark) actions.addMark({ ...mark, points: trail.end(spot) });
      this.cancel?.();
    },
    cancel() {
      trail = mark = null;
      stage.painted = null;
      stage.repaint();
    },
  };
}

/** Rubs out pending marks of the frame. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function eraserTool(stage, actions) {
  const { store } = stage;
  const rub = (/** @type {Spot} */ spot) => {
    const reach = Math.max(3, stage.viewport.lengthToStage(store.state.widths.eraser) / 2);
    /** @type {string[]} */
    const remove = [];
    /** @type {Mark[]} */
    const add = [];
    for (const mark of store.state.marks.get(store.state.frame) ?? []) {
      if (actions.isLocked(mark.object)) continue;
      const pieces = eraseFrom(stage.viewport, mark, spot.stage, reach);
      if (!pieces) continue;
      remove.push(mark.id);
      for (const points of pieces) add.push({ ...mark, id: freshId(), points });
    }
    if (remove.length) actions.editMarks(store.state.frame, remove, add);
  };
  return { down: rub, move: rub };
}

/** @param {Stage} stage @returns {Tool} */
function handTool(stage) {
  /** @type {[number, number]|null} */
  let last = null;
  return {
    down(spot) {
      last = spot.stage;
    },
    move(spot) {
      if (last) stage.viewport.move(spot.stage[0] - last[0], spot.stage[1] - last[1]);
      last = spot.stage;
    },
    up() {
      last = null;
    },
    cancel() {
      last = null;
    },
  };
}

/** Picks a pending mark, or the object under the pointer. @param {Stage} stage @returns {Tool} */
function selectTool(stage) {
  const { store } = stage;
  return {
    down(spot) {
      const marks = [...(store.state.marks.get(store.state.frame) ?? [])].reverse();
      const mark = marks.find((/** @type {Mark} */ m) => touches(stage.viewport, m, spot.stage, 5));
      store.set({ selected: mark?.id ?? null });
      if (mark?.object) store.set({ object: mark.object });
      if (mark) return;
      const mask = stage.currentMask();
      if (!mask) return;
      const id = mask.ids[Math.min(mask.height - 1, Math.floor(spot.unit[1] * mask.height)) * mask.width + Math.min(mask.width - 1, Math.floor(spot.unit[0] * mask.width))];
      if (store.state.objects.some((/** @type {any} */ o) => o.id === id)) store.set({ object: id });
    },
  };
}

/** @param {Stage} stage @param {Actions} actions @returns {Tool} */
function attentionTool(stage, actions) {
  return { down: (spot) => void actions.askAttention(stage.store.state.frame, spot.unit[0], spot.unit[1]) };
}

/** @param {Stage} stage @param {Actions} actions @returns {Record<string, Tool>} */
export function makeTools(stage, actions) {
  return {
    brush: strokeTool(stage, actions, false),
    background: strokeTool(stage, actions, true),
    eraser: eraserTool(stage, actions),
    click: clickTool(stage, actions),
    box: boxTool(stage, actions),
    paint: paintTool(stage, actions),
    select: selectTool(stage),
    hand: handTool(stage),
    attention: attentionTool(stage, actions),
  };
}

/** What the rail shows: name, icon, key, hint. */
export const TOOLS = /** @type {const} */ ([
  { id: 'brush', icon: 'brush', name: 'Scribble', key: 'B', hint: 'Draw along the inside of the object. A short stroke is enough.' },
  { id: 'background', icon: 'background', name: 'Background stroke', key: 'G', hint: 'Draw over what is not an object: it becomes background.' },
  { id: 'eraser', icon: 'eraser', name: 'Eraser', key: 'E', hint: 'Rub out pending marks. Committed masks are not touched.' },
  { id: 'click', icon: 'click', name: 'Click', key: 'C', hint: 'Click on the object. Alt+click marks background.' },
  { id: 'box', icon: 'box', name: 'Box', key: 'R', hint: 'Drag a box around the whole object.' },
  { id: 'paint', icon: 'paint', name: 'Mask brush', key: 'M', hint: 'Paint exact pixels of the mask. Alt erases.' },
  { id: 'select', icon: 'select', name: 'Select', key: 'V', hint: 'Pick a mark to delete it, or an object by its mask.' },
  { id: 'hand', icon: 'hand', name: 'Pan', key: 'H', hint: 'Drag to move the picture. Wheel zooms.' },
  { id: 'attention', icon: 'attention', name: 'Attention', key: 'A', hint: 'Click a point to see where the model looks for it on the interacted frames.' },
]);
