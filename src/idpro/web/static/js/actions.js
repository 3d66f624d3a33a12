// What a person can do, by name: the tools, the panels and the keyboard all call these.

import { clamp, freshId, plural } from './dom.js';
import { rememberView } from './store.js';

/** @typedef {import('./store.js').Mark} Mark */
/** @typedef {import('./store.js').ObjectInfo} ObjectInfo */

const [SUGGESTED, MOST_SUGGESTED] = [5, 50]; // frames at a time, and in all
const MODES = ['overlay', 'object', 'cutout', 'matte', 'off'];

export class Actions {
  /** @param {import('./store.js').Store} store @param {(message: string, kind?: string) => void} say */
  constructor(store, say) {
    this.store = store;
    this.say = say;
    /** @type {import('./sync.js').Sync|null} */
    this.sync = null;
    /** @type {import('./stage.js').Stage|null} */
    this.stage = null;
    /** @type {import('./player.js').Player|null} */
    this.player = null;
    /** @type {import('./timeline.js').Timeline|null} */
    this.timeline = null;
    this.typed = { number: 0, at: -Infinity };
    /** @type {object|null} the last question about attention */
    this.asked = null;
    /** @type {Record<string, () => void>} dialogs by name */
    this.dialogs = {};
  }

  get state() {
    return this.store.state;
  }

  get api() {
    return /** @type {import('./sync.js').Sync} */ (this.sync).api;
  }

  // --- time ---

  /** @param {number} frame */
  seek(frame) {
    if (!this.state.project) return;
    this.store.set({ frame: clamp(Math.round(frame), 0, this.state.project.frames - 1), playing: false, selected: null });
  }

  /** @param {number} by */
  stepFrames(by) {
    this.seek(this.state.frame + by);
  }

  /** To the next or previous frame that carries marks. @param {1|-1} direction */
  seekMarked(direction) {
    const marked = [...new Set([...this.state.interacted, ...this.state.marks.keys()])].sort((a, b) => (a - b) * direction);
    const next = marked.find((f) => (f - this.state.frame) * direction > 0);
    if (next === undefined) this.say(direction > 0 ? 'No marked frame after this one.' : 'No marked frame before this one.');
    else this.seek(next);
  }

  /** To the most doubtful frame that was not looked at since masks changed. */
  async nextToMark() {
    try {
      const { looked, frame, project } = this.state;
      /** @type {number[]} */
      let frames = [];
      for (let count = SUGGESTED; count <= Math.min(project.frames, MOST_SUGGESTED) + SUGGESTED; count += SUGGESTED) {
        frames = (await this.api.suggest(Math.min(count, MOST_SUGGESTED))).frames;
        this.store.set({ suggestions: frames });
        const next = frames.find((f) => !looked.has(f) && f !== frame && !this.state.marks.has(f));
        if (next !== undefined) return this.visit(next);
        if (frames.length < count) break;
      }
      if (!frames.length) return this.say('Nothing to suggest yet: commit scribbles and propagate first.');
      looked.clear();
      this.say('Every suggested frame was looked at: again from the most doubtful one.');
      this.visit(frames.find((f) => f !== frame) ?? frames[0]);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, 'error');
    }
  }

  /** @param {number} frame */
  visit(frame) {
    this.state.looked.add(frame);
    this.seek(frame);
  }

  /** @param {'start'|'end'} side */
  setRange(side) {
    const { frame, range, project } = this.state;
    if (!project) return;
    const [a, b] = range ?? [0, project.frames - 1];
    this.store.set({ range: side === 'start' ? [frame, Math.max(frame, b)] : [Math.min(frame, a), frame] });
  }

  clearRange() {
    this.store.set({ range: null });
  }

  // --- objects ---

  /** @param {number} id */
  isLocked(id) {
    return this.state.objects.some((/** @type {ObjectInfo} */ o) => o.id === id && o.locked);
  }

  /** The objects that no mark may change. */
  locked() {
    return this.state.objects.filter((/** @type {ObjectInfo} */ o) => o.locked).map((/** @type {ObjectInfo} */ o) => o.id);
  }

  /** The object a new mark belongs to, made if there is none; null if it may not be drawn on. @returns {number|null} */
  objectToDraw() {
    const object = this.state.objects.find((/** @type {ObjectInfo} */ o) => o.id === this.state.object);
    if (!object) return this.addObject();
    if (object.locked) {
      this.say(`${object.name} is locked. Unlock it in the list to draw on it.`);
      return null;
    }
    if (object.hidden) this.updateObject(object.id, { hidden: false });
    return object.id;
  }

  /** @returns {number|null} the new object's id */
  addObject() {
    const taken = new Set(this.state.objects.map((/** @type {ObjectInfo} */ o) => o.id));
    let id = 1;
    while (taken.has(id) || (this.usedIds().has(id) && id < 254)) id += 1;
    if (id > 254) {
      this.say('A project holds at most 254 objects.', 'error');
      return null;
    }
    void this.sync?.edit({ op: 'add_object', id, name: `Object ${id}`, color: this.state.project.colors[id - 1] });
    return id;
  }

  /** Ids that masks carry though the list does not. */
  usedIds() {
    const used = new Set();
    for (const ids of this.state.present) for (const id of ids ?? []) used.add(id);
    return used;
  }

  /** @param {number} id @param {Partial<ObjectInfo>} changes */
  updateObject(id, changes) {
    void this.sync?.edit({ op: 'update_object', id, ...changes });
  }

  /** @param {number[]} ids */
  orderObjects(ids) {
    void this.sync?.edit({ op: 'order_objects', ids });
  }

  /** Chooses by number; two digits in quick succession make one number. @param {number} digit @returns {boolean} whether there is such an object */
  chooseByDigit(digit) {
    const soon = performance.now() - this.typed.at < 800;
    const both = soon ? this.typed.number * 10 + digit : digit;
    const number = this.state.objects.some((/** @type {ObjectInfo} */ o) => o.id === both) ? both : digit;
    this.typed = { number, at: performance.now() };
    return this.selectObject(number);
  }

  /** @param {number} id @returns {boolean} */
  selectObject(id) {
    const object = this.state.objects.find((/** @type {ObjectInfo} */ o) => o.id === id);
    if (!object) return false;
    this.store.set({ object: object.id });
    if (this.state.tool === 'background') this.store.set({ tool: 'brush' });
    return true;
  }

  /** Of the chosen object. @param {'hidden'|'locked'} key */
  toggleObject(key) {
    const object = this.state.objects.find((/** @type {ObjectInfo} */ o) => o.id === this.state.object);
    if (object) this.updateObject(object.id, { [key]: !object[key] });
  }

  /** @param {number} object @param {[number, number]|null} [range] */
  eraseObject(object, range = null) {
    if (this.isLocked(object)) return this.say('This object is locked. Unlock it to delete it.');
    void this.sync?.send(() => this.api.erase({ object, ...(range ? { first: range[0], last: range[1] } : {}) }));
  }

  // --- marks ---

  /** @param {Mark} mark */
  addMark(mark) {
    this.editMarks(this.state.frame, [], [mark]);
  }

  /** @param {number} frame @param {string[]} remove @param {Mark[]} add */
  editMarks(frame, remove, add) {
    void this.sync?.edit({ op: 'edit_marks', frame, remove, add });
  }

  /** Gives the chosen object the pixels on the next frame that it has here, and goes there. @param {1|-1} by */
  async copyMask(by) {
    const { frame, object, project } = this.state;
    const to = frame + by;
    if (!object || to < 0 || to >= project.frames) return this.say('There is no frame to copy to.');
    if (this.isLocked(object)) return this.say('This object is locked. Unlock it to copy its mask.');
    if (await this.sync?.send(() => this.api.copy({ frame, to, object }))) this.seek(to);
  }

  deleteSelected() {
    const { marks, frame, selected } = this.state;
    for (const [at, drawn] of marks) {
      if (drawn.some((/** @type {Mark} */ m) => m.id === selected)) this.editMarks(at, [selected], []);
    }
    if (this.committedHere().some((m) => m.id === selected)) this.changeMarks(frame, [selected], []);
    this.store.set({ selected: null });
  }

  /** The marks of the frame in sight that were committed and still count. @returns {Mark[]} */
  committedHere() {
    const { committed, frame, interacted } = this.state;
    return interacted.has(frame) ? (committed.get(frame) ?? []) : [];
  }

  /** Like `editMarks`, also of committed marks: their frame's are taken up first, all of them, and wait for Commit again. @param {number} frame @param {string[]} remove @param {Mark[]} add */
  changeMarks(frame, remove, add) {
    if (this.state.committed.get(frame)?.some((/** @type {Mark} */ m) => remove.includes(m.id))) this.takeUp(frame);
    this.editMarks(frame, remove, add);
  }

  /** Makes the committed marks of a frame pending again, to be changed and committed anew. @param {number} frame */
  takeUp(frame) {
    const { committed, marks } = this.state;
    const drawn = committed.get(frame);
    if (!drawn) return this.say('Nothing was drawn on this frame that could be taken up: its mask was imported, or comes from propagation.');
    this.store.set({ // at once, before the server has said so
      marks: new Map([...marks, [frame, [...drawn, ...(marks.get(frame) ?? [])]]]),
      committed: new Map([...committed].filter(([f]) => f !== frame)),
    });
    void this.sync?.send(() => this.api.release(frame, true));
    this.say('The marks of this frame are pending again. Change them and commit.');
  }

  /** @param {number[]|null} frames */
  clearMarks(frames) {
    if (this.state.marks.size) void this.sync?.edit({ op: 'clear_marks', frames });
  }

  /** @param {number} object */
  markAbsent(object) {
    if (this.isLocked(object)) return this.say('This object is locked. Unlock it to mark it absent.');
    const marks = this.state.marks.get(this.state.frame) ?? [];
    const there = marks.find((/** @type {Mark} */ m) => m.kind === 'absent' && m.object === object);
    if (there) this.editMarks(this.state.frame, [there.id], []);
    else this.addMark({ kind: 'absent', id: freshId(), object });
  }

  /** @param {1|-1} direction */
  changeWidth(direction) {
    const { tool, widths } = this.state;
    const key = tool in widths ? tool : 'brush';
    this.setWidth(key, widths[key] * (direction > 0 ? 1.2 : 1 / 1.2));
  }

  /** @param {string} key @param {number} width */
  setWidth(key, width) {
    this.store.set({ widths: { ...this.state.widths, [key]: clamp(width, 0.003, 0.3) } });
    rememberView(this.store);
  }

  // --- the model ---

  /** The only object that commit and propagation may change; null: all that are not locked. @returns {number|null} */
  get only() {
    return this.state.onlyThis && this.state.object ? this.state.object : null;
  }

  async commit() {
    if (!this.state.marks.size) return this.say('Nothing to commit yet: scribble on an object first.');
    await this.sync?.send(() => this.api.commit(this.only));
  }

  /** @param {[number, number]|null} [over] only these frames; by default the range */
  async propagate(over = this.state.range) {
    if (this.state.marks.size) {
      const marks = [...this.state.marks.values()].reduce((sum, list) => sum + list.length, 0);
      this.say(`${plural(marks, 'mark')} not committed yet: they do not take part.`);
    }
    const { frame } = this.state;
    await this.sync?.send(() => this.api.propagate({ start: frame, only: this.only, ...(over ? { first: over[0], last: over[1] } : {}) }));
  }

  /** Takes back what was drawn on a frame: it is propagated to like any other. @param {number} frame */
  unmark(frame) {
    void this.sync?.send(() => this.api.release(frame));
  }

  pauseOrResume() {
    const { job } = this.state;
    if (job?.kind !== 'propagate') return;
    if (job.state === 'running' || job.state === 'waiting') {
      this.halt(job.number, 'Pausing…');
      void this.sync?.send(() => this.api.pause());
    } else if (job.result?.paused) void this.sync?.send(() => this.api.resume());
  }

  /** Stops what the model does; the page says so until it has. */
  stop() {
    if (this.state.job) this.halt(this.state.job.number, 'Stopping…');
    void this.sync?.send(() => this.api.stop());
  }

  /** @param {number} number of the job @param {string} text */
  halt(number, text) {
    this.store.set({ halting: new Map([...this.state.halting, [number, text]]) });
  }

  /** @param {number} number of the job */
  cancelExport(number) {
    this.halt(number, 'Cancelling…');
    void this.api.cancelExport(number).catch((/** @type {Error} */ error) => this.say(error.message, 'error'));
  }

  undo() {
    if (this.state.history.undo) void this.sync?.send(() => this.api.undo());
  }

  redo() {
    if (this.state.history.redo) void this.sync?.send(() => this.api.redo());
  }

  /** @param {number} frame @param {number} x @param {number} y */
  async askAttention(frame, x, y) {
    const asked = {};
    this.asked = asked;
    this.store.set({ attention: null });
    this.store.work('attention', 'Working: where the model looks for this point');
    try {
      const answer = await this.api.attention(frame, x, y);
      /** @type {Map<number, ImageBitmap>} */
      const images = new Map();
      for (const [key, data] of Object.entries(answer.frames)) {
        images.set(Number(key), await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob()));
      }
      if (this.asked === asked && this.state.tool === 'attention') this.store.set({ attention: { frame, point: [x, y], images } });
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, 'error');
    } finally {
      if (this.asked === asked) this.store.work('attention', '');
    }
  }

  // --- looking ---

  /** @param {Record<string, any>} changes */
  setView(changes) {
    this.store.set({ view: { ...this.state.view, ...changes } });
    rememberView(this.store);
  }

  cycleMode() {
    this.setView({ mode: MODES[(MODES.indexOf(this.state.view.mode) + 1) % MODES.length] });
  }

  /** @param {string} tool */
  setTool(tool) {
    this.store.set({ tool, ...(tool === 'attention' ? {} : { attention: null }) });
  }
}
