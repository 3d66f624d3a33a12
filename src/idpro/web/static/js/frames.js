// Frames and masks kept in the page: what is near the playhead is fetched ahead, the least recently used goes first.

import { refusal } from './api.js';
import { unpackRuns } from './runs.js';

/** A map that holds values up to a budget of bytes. @template T */
export class Kept {
  /** @param {number} budget @param {(value: T) => number} size @param {(value: T) => void} [drop] */
  constructor(budget, size, drop = () => {}) {
    this.budget = budget;
    this.size = size;
    this.drop = drop;
    this.bytes = 0;
    /** @type {Map<number, T>} */
    this.map = new Map();
  }

  /** @param {number} key @returns {T|undefined} */
  get(key) {
    const value = this.map.get(key);
    if (value === undefined) return undefined;
    this.map.delete(key);
    this.map.set(key, value);
    return value;
  }

  /** @param {number} key @param {T} value */
  put(key, value) {
    this.remove(key);
    this.map.set(key, value);
    this.bytes += this.size(value);
    for (const [old] of this.map) {
      if (this.bytes <= this.budget || old === key) break;
      this.remove(old);
    }
  }

  /** @param {number} key */
  remove(key) {
    const value = this.map.get(key);
    if (value === undefined) return;
    this.map.delete(key);
    this.bytes -= this.size(value);
    this.drop(value);
  }

  clear() {
    for (const key of [...this.map.keys()]) this.remove(key);
  }
}

const FRAME_BUDGET = 384 * 2 ** 20;
const MASK_BUDGET = 192 * 2 ** 20;
const FETCHES = 4;
export const RETRY = 1000; // milliseconds until a fetch that failed is tried again
const PATIENCE = 30_000; // the longest between two tries

/** The pictures of the open video. */
export class Frames {
  /** @param {(index: number) => string} address @param {(index: number) => void} arrived */
  constructor(address, arrived) {
    this.address = address;
    this.arrived = arrived;
    /** @type {Kept<ImageBitmap>} */
    this.kept = new Kept(FRAME_BUDGET, (bitmap) => bitmap.width * bitmap.height * 4, (bitmap) => bitmap.close());
    /** @type {Map<number, AbortController>} */
    this.loading = new Map();
    /** @type {number[]} what is to be kept at hand, and what of it is still to be fetched */
    this.asked = [];
    /** @type {number[]} */
    this.wanted = [];
    /** @type {Set<number>} what is tried again in a while */
    this.failed = new Set();
    /** @type {Map<number, string>} what the server cannot give, and why: it is not asked for again */
    this.refused = new Map();
    this.patience = RETRY;
    this.closed = false;
  }

  /** @param {number} index @returns {ImageBitmap|undefined} */
  get(index) {
    return this.kept.get(index);
  }

  /** Asks for frames, the first being the most urgent; what is no longer wanted is given up. @param {number[]} indices */
  want(indices) {
    this.asked = indices;
    this.wanted = indices.filter((i) => this.missing(i));
    const soon = new Set(indices);
    for (const [index, abort] of this.loading) if (!soon.has(index)) abort.abort();
    this.fill();
  }

  /** @param {number} index */
  missing(index) {
    return !this.kept.map.has(index) && !this.failed.has(index) && !this.refused.has(index);
  }

  fill() {
    while (this.loading.size < FETCHES) {
      const next = this.wanted.find((i) => !this.loading.has(i) && this.missing(i));
      if (next === undefined || this.closed) return;
      this.wanted = this.wanted.filter((i) => i !== next);
      void this.load(next);
    }
  }

  /** @param {number} index */
  async load(index) {
    const abort = new AbortController();
    this.loading.set(index, abort);
    try {
      const response = await fetch(this.address(index), { signal: abort.signal });
      if (response.status >= 400 && response.status < 500) {
        this.refused.set(index, await refusal(response));
        return this.arrived(index);
      }
      if (!response.ok) throw new Error(await response.text());
      this.patience = RETRY;
      const bitmap = await createImageBitmap(await response.blob());
      if (this.closed) bitmap.close();
      else {
        this.kept.put(index, bitmap);
        this.arrived(index);
      }
    } catch (error) {
      if (!abort.signal.aborted) {
        this.failed.add(index);
        setTimeout(() => {
          this.failed.delete(index);
          if (!this.closed) this.want(this.asked);
        }, this.patience);
        this.patience = Math.min(PATIENCE, this.patience * 1.5);
      }
    } finally {
      this.loading.delete(index);
      this.fill();
    }
  }

  close() {
    this.closed = true;
    for (const abort of this.loading.values()) abort.abort();
    this.kept.clear();
  }
}

/** The masks of the open video, each of a version; an old version stays visible until the new one is here. */
export class Masks {
  /** @param {(index: number, version: number) => string} address @param {(index: number) => void} arrived */
  constructor(address, arrived) {
    this.address = address;
    this.arrived = arrived;
    /** @type {Kept<{version: number, mask: import('./runs.js').PixelMask|null}>} null: the frame has none */
    this.kept = new Kept(MASK_BUDGET, (entry) => entry.mask?.ids.length ?? 1);
    /** @type {Map<number, number>} */
    this.loading = new Map();
  }

  /** The newest mask at hand. @param {number} index @param {number} version */
  get(index, version) {
    if (!version) return null;
    const entry = this.kept.get(index);
    if (!entry || entry.version < version) void this.load(index, version);
    return entry ?? null;
  }

  /** @param {number} index @param {number} version @param {ArrayBuffer} buffer @param {number} offset */
  take(index, version, buffer, offset) {
    this.kept.put(index, { version, mask: unpackRuns(buffer, offset) });
  }

  /** @param {number} index @param {number} version */
  async load(index, version) {
    if ((this.loading.get(index) ?? 0) >= version) return;
    this.loading.set(index, version);
    try {
      const response = await fetch(this.address(index, version));
      if (response.status === 200) this.take(index, version, await response.arrayBuffer(), 0);
      else if (response.status === 204) this.kept.put(index, { version, mask: null });
      else return;
      this.arrived(index);
    } catch {
      setTimeout(() => this.arrived(index), RETRY); // what is drawn then asks again
    } finally {
      if (this.loading.get(index) === version) this.loading.delete(index);
    }
  }

  clear() {
    this.kept.clear();
  }
}
