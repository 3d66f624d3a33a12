// The tools: what each does with a drag. A tool is {down, move, up, cancel}; points come as fractions of the frame.

import { freshId } from './dom.js';
import { eraseFrom, touches } from './ink.js';
import { applyExact, paintSegment } from './runs.js';

/**
 * @typedef {{unit: [number, number], stage: [number, number], alt: boolean}} Spot
 * @typedef {{down: (spot: Spot) => boolean|void, move?: (spot: Spot) => void, up?: (spot: Spot) => void, cancel?: () => void,
 *   hover?: (spot: Spot) => void, finish?: () => boolean, stepBack?: () => boolean}} Tool hover: no button is down; finish, stepBack:
 *   of what takes several clicks, whether there was something
 * @typedef {import('./stage.js').Stage} Stage
 * @typedef {import('./actions.js').Actions} Actions
 * @typedef {import('./store.js').Mark} Mark
 */

const CLOSE = 9; // CSS pixels: a click this near to a corner of a polygon is on it
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

/** What both tools of areas share: the mark that is being drawn. @param {Stage} stage @param {Actions} actions */
function areaDraft(stage, actions) {
  return {
    /** @param {Spot} spot @returns {Mark|null} */
    begin(spot) {
      const object = spot.alt || stage.store.state.paintErases ? 0 : actions.objectToDraw();
      if (object === null) return null;
      return { kind: 'area', id: freshId(), object, points: [spot.unit], spares: actions.locked() };
    },
    /** @param {Mark} mark */
    end(mark) {
      const points = (mark.points ?? []).map(([x, y]) => /** @type {[number, number]} */ ([round(x), round(y)]));
      if (points.length > 2) actions.addMark({ ...mark, points });
    },
    /** @param {Mark|null} mark */
    show(mark) {
      stage.draft = mark;
      stage.drawInk();
    },
  };
}

/** Draw around pixels: what is inside is filled. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function lassoTool(stage, actions) {
  const draft = areaDraft(stage, actions);
  /** @type {Mark|null} */
  let mark = null;
  /** @type {[number, number]} */
  let last = [0, 0];
  return {
    down(spot) {
      mark = draft.begin(spot);
      last = spot.stage;
      draft.show(mark);
      return mark !== null;
    },
    move(spot) {
      if (!mark || Math.hypot(spot.stage[0] - last[0], spot.stage[1] - last[1]) < SPACING) return;
      mark.points?.push(spot.unit);
      last = spot.stage;
      draft.show(mark);
    },
    up() {
      if (mark) draft.end(mark);
      this.cancel?.();
    },
    cancel() {
      mark = null;
      draft.show(null);
    },
  };
}

/** Click corner after corner; the first one, a double click or Enter closes. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function polygonTool(stage, actions) {
  const draft = areaDraft(stage, actions);
  /** @type {Mark|null} */
  let mark = null;
  let frame = -1;
  const near = (/** @type {[number, number]} */ at, /** @type {[number, number]} */ corner) => {
    const [x, y] = stage.viewport.toStage(...corner);
    return Math.hypot(x - at[0], y - at[1]) < CLOSE;
  };
  return {
    down(spot) {
      if (mark && frame !== stage.store.state.frame) this.cancel?.();
      const points = mark?.points ?? [];
      if (mark && points.length && (near(spot.stage, points[0]) || near(spot.stage, points[points.length - 1]))) return void this.finish?.();
      if (mark) mark.points = [...points, spot.unit];
      else mark = draft.begin(spot);
      frame = stage.store.state.frame;
      draft.show(mark);
    },
    hover(spot) {
      if (mark && frame === stage.store.state.frame) draft.show({ ...mark, points: [...(mark.points ?? []), spot.unit] });
    },
    finish() {
      if (!mark) return false;
      draft.end(mark);
      this.cancel?.();
      return true;
    },
    stepBack() {
      if (!mark) return false;
      mark.points = mark.points?.slice(0, -1);
      if (mark.points?.length) draft.show(mark);
      else this.cancel?.();
      return true;
    },
    cancel() {
      mark = null;
      draft.show(null);
    },
  };
}

/** Rubs out marks of the frame, committed ones too. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function eraserTool(stage, actions) {
  const { store } = stage;
  const rub = (/** @type {Spot} */ spot) => {
    const reach = Math.max(3, stage.viewport.lengthToStage(store.state.widths.eraser) / 2);
    /** @type {string[]} */
    const remove = [];
    /** @type {Mark[]} */
    const add = [];
    for (const mark of [...actions.committedHere(), ...(store.state.marks.get(store.state.frame) ?? [])]) {
      if (actions.isLocked(mark.object)) continue;
      const pieces = eraseFrom(stage.viewport, mark, spot.stage, reach);
      if (!pieces) continue;
      remove.push(mark.id);
      for (const points of pieces) add.push({ ...mark, id: freshId(), points });
    }
    if (remove.length) actions.changeMarks(store.state.frame, remove, add);
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

/** A mark elsewhere. @param {Mark} mark @param {number} dx @param {number} dy as fractions of the frame @returns {Mark} */
function moved(mark, dx, dy) {
  const shift = (/** @type {number} */ v, /** @type {number} */ by) => round(Math.min(1, Math.max(0, v + by)));
  if (mark.kind === 'box') {
    const { x0 = 0, y0 = 0, x1 = 0, y1 = 0 } = mark;
    return { ...mark, x0: shift(x0, dx), y0: shift(y0, dy), x1: shift(x1, dx), y1: shift(y1, dy) };
  }
  return { ...mark, points: mark.points?.map(([x, y]) => /** @type {[number, number]} */ ([shift(x, dx), shift(y, dy)])) };
}

/** Picks a mark, pending or committed, and moves it; or picks the object under the pointer. @param {Stage} stage @param {Actions} actions @returns {Tool} */
function selectTool(stage, actions) {
  const { store } = stage;
  /** @type {{mark: Mark, from: Spot}|null} */
  let held = null;
  const offset = (/** @type {Spot} */ spot) => (held ? /** @type {[number, number]} */ ([spot.unit[0] - held.from.unit[0], spot.unit[1] - held.from.unit[1]]) : [0, 0]);
  return {
    down(spot) {
      const marks = [...actions.committedHere(), ...(store.state.marks.get(store.state.frame) ?? [])].reverse();
      const mark = marks.find((m) => touches(stage.viewport, m, spot.stage, 5));
      store.set({ selected: mark?.id ?? null });
      if (mark?.object) store.set({ object: mark.object });
      if (mark) {
        if (!actions.isLocked(mark.object)) held = { mark, from: spot };
        return;
      }
      const mask = stage.currentMask();
      if (!mask) return;
      const id = mask.ids[Math.min(mask.height - 1, Math.floor(spot.unit[1] * mask.height)) * mask.width + Math.min(mask.width - 1, Math.floor(spot.unit[0] * mask.width))];
      if (store.state.objects.some((/** @type {any} */ o) => o.id === id)) store.set({ object: id });
    },
    move(spot) {
      if (!held) return;
      const [dx, dy] = offset(spot);
      stage.draft = moved(held.mark, dx, dy);
      stage.drawInk();
    },
    up(spot) {
      if (held && Math.hypot(spot.stage[0] - held.from.stage[0], spot.stage[1] - held.from.stage[1]) > 3) {
        const [dx, dy] = offset(spot);
        const mark = { ...moved(held.mark, dx, dy), id: freshId() };
        actions.changeMarks(store.state.frame, [held.mark.id], [mark]);
        store.set({ selected: mark.id });
      }
      this.cancel?.();
    },
    cancel() {
      held = null;
      stage.draft = null;
      stage.drawInk();
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
    lasso: lassoTool(stage, actions),
    polygon: polygonTool(stage, actions),
    select: selectTool(stage, actions),
    hand: handTool(stage),
    attention: attentionTool(stage, actions),
  };
}

/** What the rail shows: name, icon, key, hint. */
export const TOOLS = /** @type {const} */ ([
  { id: 'brush', icon: 'brush', name: 'Scribble', key: 'B', hint: 'Draw along the inside of the object. A short stroke is enough.' },
  { id: 'background', icon: 'background', name: 'Background stroke', key: 'G', hint: 'Draw over what is not an object: it becomes background.' },
  { id: 'eraser', icon: 'eraser', name: 'Eraser', key: 'E', hint: 'Rub out marks. Committed ones wait for Commit again then.' },
  { id: 'click', icon: 'click', name: 'Click', key: 'C', hint: 'Click on the object. Alt+click marks background.' },
  { id: 'box', icon: 'box', name: 'Box', key: 'R', hint: 'Drag a box around the whole object.' },
  { id: 'paint', icon: 'paint', name: 'Mask brush', key: 'M', hint: 'Paint exact pixels of the mask. Alt erases.' },
  { id: 'lasso', icon: 'lasso', name: 'Lasso', key: 'D', hint: 'Draw around pixels: what is inside becomes the object. Alt erases.' },
  { id: 'polygon', icon: 'polygon', name: 'Polygon', key: 'Y', hint: 'Click the corners; the first one or Enter closes, Backspace takes one back.' },
  { id: 'select', icon: 'select', name: 'Select', key: 'V', hint: 'Pick a mark to move or delete it, or an object by its mask.' },
  { id: 'hand', icon: 'hand', name: 'Pan', key: 'H', hint: 'Drag to move the picture. Wheel zooms.' },
  { id: 'attention', icon: 'attention', name: 'Attention', key: 'A', hint: 'Click a point to see where the model looks for it on the interacted frames.' },
]);
