// The state of the page: one object, changed by `set`, watched by key. Watchers run once after each burst of changes.

/**
 * @typedef {import('./wire.js').ObjectInfo} ObjectInfo
 * @typedef {import('./wire.js').Mark} Mark
 * @typedef {import('./wire.js').JobInfo} Job
 * @typedef {import('./wire.js').ProjectInfo} Project
 */

export class Store {
  /** @param {Record<string, any>} state */
  constructor(state) {
    /** @type {any} */
    this.state = state;
    /** @type {{keys: Set<string>, react: () => void}[]} */
    this.watchers = [];
    /** @type {Set<string>} */
    this.changed = new Set();
  }

  /** @param {Record<string, any>} patch */
  set(patch) {
    for (const [key, value] of Object.entries(patch)) {
      if (Object.is(this.state[key], value)) continue;
      this.state[key] = value;
      this.touch(key);
    }
  }

  /** Says that a value was changed in place. @param {string} key */
  touch(key) {
    if (this.changed.size === 0) queueMicrotask(() => this.tell());
    this.changed.add(key);
  }

  /** Says what is being worked on; an empty text ends it. @param {string} kind @param {string} text */
  work(kind, text) {
    const { [kind]: _, ...others } = this.state.working;
    this.set({ working: text ? { ...others, [kind]: text } : others });
  }

  /**
   * Calls `react` now and after any of the keys changed.
   * @param {string[]} keys @param {() => void} react
   * @returns {() => void} ends it
   */
  watch(keys, react) {
    const watcher = { keys: new Set(keys), react };
    this.watchers.push(watcher);
    react();
    return () => {
      this.watchers = this.watchers.filter((w) => w !== watcher);
    };
  }

  tell() {
    const changed = this.changed;
    this.changed = new Set();
    for (const { keys, react } of this.watchers) if ([...changed].some((key) => keys.has(key))) react();
  }
}

const kept = (() => {
  try {
    return JSON.parse(localStorage.getItem('idpro.view') ?? '{}');
  } catch {
    return {};
  }
})();

/** How things are looked at, kept between visits. */
export const DEFAULT_VIEW = { mode: 'overlay', opacity: 0.5, outline: true, marks: true, preview: true, before: false };

export function initialState() {
  return {
    /** @type {Project|null} */ project: null,
    /** @type {ObjectInfo[]} */ objects: [],
    /** @type {Map<number, Mark[]>} */ marks: new Map(),
    /** @type {Map<number, Mark[]>} what was committed and still counts */ committed: new Map(),
    /** @type {Set<number>} */ interacted: new Set(),
    rounds: 0,
    /** @type {Uint32Array} version of each frame's mask, 0: none */ versions: new Uint32Array(0),
    /** @type {(number[]|null)[]} ids on each frame */ present: [],
    /** @type {Float32Array} 0..1, NaN: none */ doubt: new Float32Array(0),
    /** @type {{undo: string|null, redo: string|null}} */ history: { undo: null, redo: null },
    /** @type {Job|null} */ job: null,
    /** @type {Job[]} in the order they were asked for */ exports: [],
    /** @type {number[]} */ suggestions: [],
    /** @type {'loading'|'ready'|'failed'} */ model: 'loading',
    modelMessage: '',
    /** @type {'online'|'offline'} */ connection: 'offline',
    frame: 0,
    playing: false,
    speed: 1,
    /** @type {[number, number]|null} */ range: null,
    tool: 'brush',
    object: 0,
    widths: kept.widths ?? { brush: 0.014, background: 0.02, eraser: 0.05, paint: 0.03 },
    /** Whether the model changes the chosen object alone. */
    onlyThis: false,
    paintErases: false,
    /** @type {string|null} */ selected: null,
    view: { ...DEFAULT_VIEW, ...kept.view, before: false },
    zoom: 1,
    /** @type {any} */ attention: null,
    /** @type {import('./preview.js').Previewed|null} */ preview: null,
    /** @type {Record<string, string>} what is being worked on for the eye alone, by its kind */ working: {},
    /** @type {number} counts what has arrived to be shown: frames, masks, mattes, and refusals */ arrivals: 0,
    /** @type {Set<number>} frames that were looked at since masks changed */ looked: new Set(),
    /** @type {Map<number, string>} jobs that were asked to stop, by number, and what to say meanwhile */ halting: new Map(),
  };
}

/** The frame that was shown when the project was left. @param {string} id */
export function playhead(id) {
  try {
    return Number(localStorage.getItem(`idpro.playhead.${id}`) ?? 0);
  } catch {
    return 0;
  }
}

/** @param {string} id @param {number} frame */
export function rememberPlayhead(id, frame) {
  try {
    localStorage.setItem(`idpro.playhead.${id}`, String(frame));
  } catch {
    // A browser that keeps nothing opens at the first frame.
  }
}

/** Keeps the way of looking for the next visit. @param {Store} store */
export function rememberView(store) {
  const { view, widths } = store.state;
  try {
    localStorage.setItem('idpro.view', JSON.stringify({ view, widths }));
  } catch {
    // A browser that keeps nothing still works.
  }
}
