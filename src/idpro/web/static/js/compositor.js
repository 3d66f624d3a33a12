// From a mask of ids to the picture that lies over the frame.

/** @typedef {{mode: string, opacity: number, outline: boolean}} View */
/** @typedef {import('./store.js').ObjectInfo} ObjectInfo */

/** "#rrggbb" as the bytes of an ImageData pixel, least significant first. @param {string} color @param {number} alpha 0..255 */
export function pixel(color, alpha) {
  const rgb = parseInt(color.slice(1), 16);
  return ((alpha << 24) | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

/** Draws masks into one canvas of its own, which stays as it is until the next mask. */
export class Compositor {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d', { willReadFrequently: true }));
    this.fill = new Uint32Array(256);
    this.edge = new Uint32Array(256);
    /** @type {ImageData|null} */
    this.image = null;
  }

  /**
   * @param {import('./runs.js').PixelMask} mask
   * @param {ObjectInfo[]} objects
   * @param {View} view
   * @param {number} selected the object that "object" and "matte" views show
   */
  draw(mask, objects, view, selected) {
    const { width, height, ids } = mask;
    if (!this.image || this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
    }
    this.colours(objects, view, selected);
    const pixels = new Uint32Array(this.image.data.buffer);
    const { fill, edge } = this;
    const outlined = view.outline && view.mode !== 'matte' && view.mode !== 'cutout';
    for (let i = 0; i < ids.length; i++) pixels[i] = fill[ids[i]];
    if (outlined) {
      for (let y = 0, i = 0; y < height; y++) {
        for (let x = 0; x < width; x++, i++) {
          const id = ids[i];
          if (!edge[id]) continue;
          if ((x > 0 && ids[i - 1] !== id) || (x < width - 1 && ids[i + 1] !== id) || (y > 0 && ids[i - width] !== id) || (y < height - 1 && ids[i + width] !== id)) {
            pixels[i] = edge[id];
          }
        }
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  /** @param {ObjectInfo[]} objects @param {View} view @param {number} selected */
  colours(objects, view, selected) {
    const { fill, edge } = this;
    const alpha = Math.round(view.opacity * 255);
    fill.fill(0);
    edge.fill(0);
    if (view.mode === 'matte') fill.fill(pixel('#000000', 255));
    if (view.mode === 'cutout') fill.fill(pixel('#000000', 255));
    for (const { id, color, hidden } of objects) {
      const shown = view.mode === 'overlay' ? !hidden : id === selected;
      if (!shown) continue;
      if (view.mode === 'matte') fill[id] = pixel('#ffffff', 255);
      else if (view.mode === 'cutout') fill[id] = 0;
      else {
        fill[id] = alpha ? pixel(color, alpha) : 0;
        edge[id] = pixel(color, 255);
      }
    }
    if (view.mode === 'off') {
      fill.fill(0);
      edge.fill(0);
    }
  }
}
