// Playback by frame index: every frame is shown, and a frame that is not here yet is waited for.

export class Player {
  /**
   * @param {import('./store.js').Store} store
   * @param {(index: number) => boolean} ready whether a frame can be shown
   */
  constructor(store, ready) {
    this.store = store;
    this.ready = ready;
    this.shown = 0;
    this.since = 0;
    this.rate = 0;
    this.due = 0;
    this.tick = this.tick.bind(this);
    store.watch(['playing'], () => store.state.playing && this.start());
  }

  toggle() {
    const { playing, project, frame } = this.store.state;
    if (!project || project.frames < 2) return;
    if (!playing && frame === project.frames - 1) this.store.set({ frame: 0 });
    this.store.set({ playing: !playing });
  }

  start() {
    this.due = performance.now();
    this.since = this.due;
    this.shown = 0;
    requestAnimationFrame(this.tick);
  }

  /** @param {number} now */
  tick(now) {
    const { playing, frame, project, speed, range } = this.store.state;
    if (!playing || !project) return;
    if (now >= this.due) {
      const last = range && frame <= range[1] ? range[1] : project.frames - 1;
      const next = frame < last ? frame + 1 : range && frame === last ? range[0] : 0;
      if (next <= frame && !range) {
        this.store.set({ playing: false });
        return;
      }
      if (this.ready(next)) {
        this.store.set({ frame: next });
        this.shown += 1;
        this.due = Math.max(this.due + 1000 / (project.fps * speed), now - 100);
        this.rate = (this.shown * 1000) / Math.max(1, now - this.since);
      }
    }
    requestAnimationFrame(this.tick);
  }
}
