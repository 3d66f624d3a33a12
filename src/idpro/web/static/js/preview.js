// The live preview: what the pending marks of the frame in sight will come to, asked for again after every mark.

import { unpackRuns } from './runs.js';

/** @typedef {{frame: number, key: string, mask: import('./runs.js').PixelMask}} Previewed */

export class Preview {
  /**
   * @param {import('./store.js').Store} store
   * @param {() => import('./sync.js').Sync|null} sync
   */
  constructor(store, sync) {
    this.store = store;
    this.sync = sync;
    this.asking = false;
    store.watch(['marks', 'frame', 'view', 'model', 'project', 'objects', 'object', 'onlyThis'], () => void this.update());
  }

  /** Names what is to be previewed; empty if nothing is. */
  wanted() {
    const { marks, frame, view, model, project, objects } = this.store.state;
    const locked = objects.filter((/** @type {any} */ o) => o.locked).map((/** @type {any} */ o) => o.id);
    const here = /** @type {import('./store.js').Mark[]} */ (marks.get(frame) ?? []);
    if (!project || !view.preview || view.before || model !== 'ready' || !here.some((mark) => mark.kind === 'stroke' || mark.kind === 'box')) return '';
    return `${project.id} ${frame} ${this.only()} ${locked} ${here.map((mark) => `${mark.id}:${mark.object}`).join()}`;
  }

  only() {
    const { onlyThis, object } = this.store.state;
    return onlyThis && object ? object : null;
  }

  async update() {
    const key = this.wanted();
    const { preview, frame } = this.store.state;
    if (preview && preview.frame === frame && !key) this.store.set({ preview: null });
    const sync = this.sync();
    if (!key || preview?.key === key || this.asking || !sync) return;
    this.asking = true;
    this.store.work('preview', 'Working: the preview of this frame');
    try {
      await sync.queue; // the marks must have arrived
      const response = await fetch(sync.api.preview(frame, this.only()));
      if (response.status === 200 && this.wanted() === key) {
        this.store.set({ preview: { frame, key, mask: unpackRuns(await response.arrayBuffer()) } });
      } else if (this.wanted() === key) this.store.set({ preview: { frame, key, mask: null } });
    } catch {
      // Only a preview: the next mark asks again.
    } finally {
      this.asking = false;
      this.store.work('preview', '');
    }
    if (this.wanted() !== key) void this.update();
  }
}
