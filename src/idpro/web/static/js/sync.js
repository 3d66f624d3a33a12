// Keeps the page and the server's project the same: edits go out in order and are shown at once, events come in.

import { Unreachable } from './api.js';
import { RETRY } from './frames.js';

/** @typedef {import('./store.js').Mark} Mark */

export const OVER = ['done', 'stopped', 'failed'];

export class Sync {
  /**
   * @param {import('./store.js').Store} store
   * @param {import('./media.js').Media} media
   * @param {import('./api.js').ProjectApi} api
   * @param {(message: string, kind?: string) => void} say
   */
  constructor(store, media, api, say) {
    this.store = store;
    this.media = media;
    this.api = api;
    this.say = say;
    /** @type {Promise<any>} */
    this.queue = Promise.resolve();
    this.inFlight = 0;
    /** @type {Set<any>} edits that the server has not answered yet */
    this.unsent = new Set();
    /** @type {Set<string>} what was said already about damage that the server found */
    this.noted = new Set();
    /** @type {any[]} documents that came while edits were on their way */
    this.held = [];
    /** @type {() => void} */
    this.resync = () => undefined;
    /** @type {() => Promise<void>} */
    this.caughtUp = () => Promise.resolve();
    /** Told when an export has come to its end. @type {(job: import('./store.js').Job) => void} */
    this.exported = () => undefined;
  }

  /** Shows an edit and sends it, again until the server answers; a refused one is taken back. @param {any} edit */
  edit(edit) {
    this.show(edit);
    this.unsent.add(edit);
    return this.send(() => this.deliver(edit).finally(() => this.unsent.delete(edit)));
  }

  /** @param {any} edit @returns {Promise<any>} */
  async deliver(edit) {
    try {
      return await this.api.edit(edit);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.say(error.message, 'error');
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY));
    await this.caughtUp();
    return this.deliver(edit);
  }

  /** Runs a request after all that were asked for before. @param {() => Promise<any>} request @returns {Promise<boolean>} */
  send(request) {
    this.inFlight += 1;
    const done = this.queue.then(request).then(
      () => true,
      (error) => {
        this.say(error.message, 'error');
        this.resync();
        return false;
      },
    );
    this.queue = done;
    // The answer and the events of a request come by different ways: it is over when both are here.
    void done.then(() => this.caughtUp()).then(() => {
      this.inFlight -= 1;
      if (this.inFlight === 0) for (const document of this.held.splice(0)) this.takeDocument(document);
    });
    return done;
  }

  /** What an edit looks like before the server has confirmed it. @param {any} edit */
  show(edit) {
    const { state } = this.store;
    if (edit.op === 'edit_marks') {
      const gone = new Set([...edit.remove, ...edit.add.map((/** @type {Mark} */ m) => m.id)]);
      const marks = [...(state.marks.get(edit.frame) ?? []).filter((/** @type {Mark} */ m) => !gone.has(m.id)), ...edit.add];
      const all = new Map(state.marks);
      if (marks.length) all.set(edit.frame, marks);
      else all.delete(edit.frame);
      this.store.set({ marks: all });
    } else if (edit.op === 'clear_marks') {
      this.store.set({ marks: new Map([...state.marks].filter(([frame]) => edit.frames && !edit.frames.includes(frame))) });
    } else if (edit.op === 'add_object') {
      this.store.set({ objects: [...state.objects.filter((/** @type {any} */ o) => o.id !== edit.id), { id: edit.id, name: edit.name, color: edit.color, hidden: false, locked: false }], object: edit.id });
    } else if (edit.op === 'update_object') {
      const { op, id, ...changes } = edit;
      this.store.set({ objects: state.objects.map((/** @type {any} */ o) => (o.id === id ? { ...o, ...changes } : o)) });
    } else if (edit.op === 'order_objects') {
      this.store.set({ objects: edit.ids.map((/** @type {number} */ id) => state.objects.find((/** @type {any} */ o) => o.id === id)).filter(Boolean) });
    }
  }

  /** @param {any} event @param {ArrayBuffer} [buffer] @param {number} [offset] */
  receive(event, buffer, offset = 0) {
    switch (event.type) {
      case 'snapshot':
        return this.takeSnapshot(event);
      case 'document':
        return this.inFlight ? void this.held.push(event) : this.takeDocument(event);
      case 'mask':
        if (buffer) this.media.masks.take(event.frame, event.version, buffer, offset);
        return this.takeMasks({ [event.frame]: [event.version, event.present, event.doubt] });
      case 'masks':
        return this.takeMasks(event.frames, event);
      case 'job':
        return this.takeJob(event.job);
      case 'model':
        return this.store.set({ model: event.state, modelMessage: event.message });
      case 'suggestions':
        return this.store.set({ suggestions: event.frames });
    }
  }

  /** @param {any} event */
  takeSnapshot(event) {
    const { frames } = event.project;
    for (const note of event.notes ?? []) if (!this.noted.has(note)) this.say(note);
    this.noted = new Set(event.notes);
    this.held = [];
    this.store.set({
      project: event.project,
      versions: new Uint32Array(frames),
      present: new Array(frames).fill(null),
      doubt: new Float32Array(frames).fill(NaN),
      suggestions: event.suggestions,
      model: event.model.state,
      modelMessage: event.model.message,
      job: null,
      exports: [],
    });
    this.takeDocument({ ...event, whole: true });
    for (const edit of this.unsent) this.show(edit);
    this.takeMasks(event.frames, event);
    for (const job of event.jobs) this.takeJob(job);
  }

  /** @param {any} event */
  takeDocument(event) {
    const { state } = this.store;
    if (event.objects) {
      const ids = event.objects.map((/** @type {any} */ o) => o.id);
      this.store.set({ objects: event.objects, object: ids.includes(state.object) ? state.object : (ids[0] ?? 0) });
    }
    for (const key of ['marks', 'committed']) {
      if (!event[key]) continue;
      const marks = event.whole ? new Map() : new Map(state[key]);
      for (const [frame, list] of Object.entries(event[key])) {
        if (list.length) marks.set(Number(frame), list);
        else marks.delete(Number(frame));
      }
      this.store.set({ [key]: marks });
    }
    if (event.history) this.store.set({ history: event.history });
  }

  /** @param {Record<string, [number, number[]|null, number|null]>} frames @param {any} [more] */
  takeMasks(frames, more = {}) {
    const { versions, present, doubt } = this.store.state;
    for (const [key, [version, ids, unsure]] of Object.entries(frames)) {
      const frame = Number(key);
      versions[frame] = version;
      present[frame] = ids;
      doubt[frame] = unsure ?? NaN;
    }
    if (Object.keys(frames).length) this.store.set({ looked: new Set() });
    if (more.rounds !== undefined) this.media.before.clear(); // a step was taken: every frame may have another "before"
    if (more.interacted) this.store.set({ interacted: new Set(more.interacted) });
    if (more.rounds !== undefined) this.store.set({ rounds: more.rounds });
    for (const key of ['versions', 'present', 'doubt']) this.store.touch(key);
  }

  /** @param {import('./store.js').Job} job */
  takeJob(job) {
    if (job.kind === 'load') return;
    if (job.kind === 'export') return this.takeExport(job);
    const over = OVER.includes(job.state);
    const { job: current } = this.store.state;
    if (over && current && current.number > job.number) return;
    this.store.set({ job });
    if (job.state === 'failed') this.say(job.message, 'error');
    else if (job.state === 'done' && job.message) this.say(job.message);
  }

  /** @param {import('./store.js').Job} job */
  takeExport(job) {
    const { exports } = this.store.state;
    const before = exports.find((/** @type {any} */ e) => e.number === job.number);
    this.store.set({ exports: before ? exports.map((/** @type {any} */ e) => (e === before ? job : e)) : [...exports, job] });
    if (before && !OVER.includes(before.state) && OVER.includes(job.state)) this.exported(job);
  }
}
