// Everything to look at in one project: frames, masks, the masks before the last round, mattes.

import { ProjectApi, refusal } from './api.js';
import { Frames, Kept, Masks, RETRY } from './frames.js';

const AHEAD = 16;

export class Media {
  /** @param {import('./store.js').Project} project @param {() => void} arrived */
  constructor(project, arrived) {
    this.project = project;
    this.api = new ProjectApi(project.id);
    this.arrived = arrived;
    this.frames = new Frames(this.api.frame, arrived);
    this.masks = new Masks(this.api.mask, arrived);
    this.before = new Masks(this.api.before, arrived);
    /** @type {Kept<{key: string, bitmap: ImageBitmap|null, why?: string}>} */
    this.mattes = new Kept(64 * 2 ** 20, (entry) => (entry.bitmap ? entry.bitmap.width * entry.bitmap.height * 4 : 1));
  }

  /** What to fetch, the nearest first. @param {number} frame @param {boolean} playing */
  around(frame, playing) {
    const last = this.project.frames - 1;
    const wanted = [frame];
    for (let i = 1; i <= AHEAD; i++) {
      if (frame + i <= last) wanted.push(frame + i);
      if (!playing && i <= 4 && frame - i >= 0) wanted.push(frame - i);
    }
    this.frames.want(wanted);
  }

  /** Asks for the masks that playback is about to show. @param {number} frame @param {Uint32Array} versions */
  masksAhead(frame, versions) {
    for (let i = 1; i <= AHEAD / 2 && frame + i < versions.length; i++) this.masks.get(frame + i, versions[frame + i]);
  }

  /** @returns {import('./runs.js').PixelMask} */
  emptyMask() {
    const { width, height } = this.project;
    return { width, height, ids: new Uint8Array(width * height) };
  }

  /** Why the matte in sight is still the hard mask; empty if it is soft. @param {number} frame @param {number} object @param {number} version */
  matteNote(frame, object, version) {
    if (!version || !object) return 'No mask on this frame yet';
    const kept = this.mattes.get(frame);
    if (kept?.key === `${object}@${version}` && kept.bitmap) return '';
    return kept?.why ?? 'Working: the soft matte is being made, this is the hard mask';
  }

  /** The soft matte of an object; null until it is here. @param {number} frame @param {number} object @param {number} version */
  matte(frame, object, version) {
    if (!version || !object) return null;
    const key = `${object}@${version}`;
    const kept = this.mattes.get(frame);
    if (kept?.key === key) return kept.bitmap;
    this.mattes.put(frame, { key, bitmap: null });
    void fetch(this.api.matte(frame, object, version)).then(async (response) => {
      if (!response.ok) {
        this.mattes.put(frame, { key, bitmap: null, why: await refusal(response) });
        return this.arrived();
      }
      this.mattes.put(frame, { key, bitmap: await createImageBitmap(await response.blob()) });
      this.arrived();
    }).catch(() => setTimeout(() => {
      if (this.mattes.get(frame)?.key === key) this.mattes.remove(frame);
      this.arrived();
    }, RETRY));
    return null;
  }

  close() {
    this.frames.close();
    this.masks.clear();
    this.before.clear();
  }
}
