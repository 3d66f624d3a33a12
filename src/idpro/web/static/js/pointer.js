// Mouse, pen and touch on the stage, turned into what the tools understand.

import { makeTools } from './tools.js';

/** @typedef {import('./tools.js').Spot} Spot */

export class Pointer {
  /** @param {import('./stage.js').Stage} stage @param {import('./actions.js').Actions} actions */
  constructor(stage, actions) {
    this.stage = stage;
    this.actions = actions;
    this.tools = makeTools(stage, actions);
    /** @type {{tool: import('./tools.js').Tool, pointer: number}|null} */
    this.drag = null;
    /** @type {Map<number, [number, number]>} */
    this.touches = new Map();
    this.penSeen = false;
    const { element } = stage;
    element.addEventListener('pointerdown', (event) => this.down(event));
    element.addEventListener('pointermove', (event) => this.move(event));
    element.addEventListener('pointerup', (event) => this.up(event));
    element.addEventListener('pointercancel', (event) => this.cancel(event));
    element.addEventListener('pointerleave', () => this.hideCursor());
    element.addEventListener('contextmenu', (event) => event.preventDefault());
    element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    stage.store.watch(['tool', 'object', 'widths', 'objects'], () => this.refreshCursor());
    stage.store.watch(['tool', 'frame', 'project'], () => this.tools.polygon.cancel?.());
  }

  /** @param {PointerEvent} event @returns {Spot} */
  spot(event) {
    const box = this.stage.element.getBoundingClientRect();
    /** @type {[number, number]} */
    const at = [event.clientX - box.left, event.clientY - box.top];
    return { stage: at, unit: this.stage.viewport.toUnit(...at), alt: event.altKey || event.button === 2 };
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.stage.media) return;
    this.stage.element.focus({ preventScroll: true });
    const spot = this.spot(event);
    if (event.pointerType === 'pen') this.penSeen = true;
    if (event.pointerType === 'touch') {
      this.touches.set(event.pointerId, spot.stage);
      if (this.touches.size > 1) return this.abandon(); // two fingers pinch
    }
    if (this.drag) return;
    const pans = event.button === 1 || (event.pointerType === 'touch' && this.penSeen);
    const rubs = event.pointerType === 'pen' && (event.buttons & 32) !== 0;
    const name = pans ? 'hand' : rubs ? 'eraser' : this.stage.store.state.tool;
    const outside = this.outside(spot);
    if (outside && !['hand', 'brush', 'background', 'box', 'paint', 'lasso'].includes(name)) return;
    if (this.stage.store.state.playing) this.stage.store.set({ playing: false });
    const tool = this.tools[name];
    try {
      this.stage.element.setPointerCapture(event.pointerId);
    } catch {
      // A pointer made by a test has nothing to capture.
    }
    event.preventDefault();
    if (tool.down(spot) !== false) this.drag = { tool, pointer: event.pointerId };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const spot = this.spot(event);
    if (event.pointerType === 'touch' && this.touches.has(event.pointerId)) {
      if (this.touches.size > 1) this.pinch(event.pointerId, spot.stage);
      this.touches.set(event.pointerId, spot.stage);
    }
    if (this.drag?.pointer === event.pointerId) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.drag.tool.move?.(this.spot(one));
    }
    if (!this.drag && event.pointerType !== 'touch') this.tools[this.stage.store.state.tool]?.hover?.(spot);
    if (event.pointerType !== 'touch') this.showCursor(spot);
  }

  /** @param {PointerEvent} event */
  up(event) {
    this.touches.delete(event.pointerId);
    if (this.drag?.pointer !== event.pointerId) return;
    this.drag.tool.up?.(this.spot(event));
    this.drag = null;
  }

  /** @param {PointerEvent} event */
  cancel(event) {
    this.touches.delete(event.pointerId);
    if (this.drag?.pointer === event.pointerId) this.abandon();
  }

  /** Gives up what is being drawn; whether there was something. */
  abandon() {
    if (!this.drag) return this.unfinished('cancel');
    this.drag.tool.cancel?.();
    this.drag = null;
    return true;
  }

  /** For a polygon with some corners: gives it up, closes it, or takes the last corner back; whether there was one. @param {'cancel'|'finish'|'stepBack'} what */
  unfinished(what) {
    const { tool } = this.stage.store.state;
    if (tool !== 'polygon' || !this.stage.draft) return false;
    this.tools[tool][what]?.();
    return true;
  }

  /** @param {number} moved @param {[number, number]} to */
  pinch(moved, to) {
    const from = this.touches.get(moved);
    const other = [...this.touches].find(([id]) => id !== moved)?.[1];
    if (!from || !other) return;
    const [before, after] = [Math.hypot(from[0] - other[0], from[1] - other[1]), Math.hypot(to[0] - other[0], to[1] - other[1])];
    if (before > 8) this.stage.viewport.zoom(after / before, (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
    this.stage.viewport.move((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.stage.media) return;
    event.preventDefault();
    const box = this.stage.element.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    if (event.altKey) this.actions.changeWidth(dy < 0 ? 1 : -1);
    else if (event.shiftKey || (!event.ctrlKey && Math.abs(dx) > Math.abs(dy))) this.stage.viewport.move(-(dx || dy), dx ? -dy : 0);
    else this.stage.viewport.zoom(Math.exp(-dy * (event.ctrlKey ? 0.008 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  }

  /** @param {Spot} spot */
  outside(spot) {
    const [x, y] = this.stage.viewport.toFraction(...spot.stage);
    return x < 0 || y < 0 || x > 1 || y > 1;
  }

  /** @param {Spot} spot */
  showCursor(spot) {
    this.at = spot.stage;
    this.refreshCursor();
  }

  hideCursor() {
    if (this.drag) return;
    this.at = undefined;
    this.refreshCursor();
  }

  refreshCursor() {
    const { tool, widths, objects, object, paintErases } = this.stage.store.state;
    const sized = tool in widths;
    const color = objects.find((/** @type {any} */ o) => o.id === object)?.color ?? '#ffffff';
    this.stage.cursor =
      this.at && sized
        ? {
            at: this.at,
            diameter: this.stage.viewport.lengthToStage(widths[tool]),
            color: tool === 'brush' || (tool === 'paint' && !paintErases) ? color : '#ffffff',
            dashed: tool === 'eraser' || tool === 'background',
          }
        : null;
    this.stage.element.dataset.cursor = tool === 'hand' ? 'hand' : tool === 'select' ? 'select' : sized ? 'none' : 'cross';
    this.stage.drawInk();
  }
}
