// Masks as run-length bytes (made by runs.py) and as pixels.

/** @typedef {{height: number, width: number, ids: Uint8Array}} PixelMask */

/** @param {ArrayBuffer} buffer @param {number} [offset] @returns {PixelMask} */
export function unpackRuns(buffer, offset = 0) {
  const view = new DataView(buffer, offset);
  const [height, width, runs] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  const values = new Uint8Array(buffer, offset + 12 + 4 * runs, runs);
  const ids = new Uint8Array(height * width);
  let at = 0;
  for (let i = 0; i < runs; i++) {
    const end = at + view.getUint32(12 + 4 * i, true);
    if (values[i]) ids.fill(values[i], at, end);
    at = end;
  }
  return { height, width, ids };
}

/**
 * Sets the pixels whose centre is within `radius` of the segment (the server's `exact.py` does the same sum).
 * @param {PixelMask} mask @param {import('./store.js').Mark} mark
 * @param {[number, number]} a @param {[number, number]} b in pixels @param {number} radius
 */
export function paintSegment(mask, mark, a, b, radius) {
  const { width, height, ids } = mask;
  const spares = new Set(mark.spares);
  const [left, right] = [Math.max(0, Math.floor(Math.min(a[0], b[0]) - radius)), Math.min(width - 1, Math.ceil(Math.max(a[0], b[0]) + radius))];
  const [top, bottom] = [Math.max(0, Math.floor(Math.min(a[1], b[1]) - radius)), Math.min(height - 1, Math.ceil(Math.max(a[1], b[1]) + radius))];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const limit = radius * radius;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]];
      const t = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const [ex, ey] = [px - t * dx, py - t * dy];
      if (ex * ex + ey * ey <= limit && !spares.has(ids[y * width + x])) ids[y * width + x] = mark.object;
    }
  }
}

/**
 * Sets the pixels whose centre is inside of a polygon, by the even-odd rule (the server's `exact.py` does the same sum).
 * @param {PixelMask} mask @param {import('./store.js').Mark} mark @param {[number, number][]} points in pixels
 */
function fillArea(mask, mark, points) {
  const { width, height, ids } = mask;
  const spares = new Set(mark.spares);
  const crossings = new Uint8Array(height * (width + 1)); // parity of the edges right of each column
  for (let i = 0; i < points.length; i++) {
    const [a, b] = [points[i], points[(i + 1) % points.length]];
    const [low, high] = a[1] < b[1] ? [a, b] : [b, a];
    const last = Math.min(height, Math.ceil(high[1] - 0.5));
    for (let y = Math.max(0, Math.ceil(low[1] - 0.5)); y < last; y++) {
      const x = low[0] + ((y + 0.5 - low[1]) * (high[0] - low[0])) / (high[1] - low[1]);
      crossings[y * (width + 1) + Math.min(width, Math.max(0, Math.ceil(x - 0.5)))] ^= 1;
    }
  }
  for (let y = 0; y < height; y++) {
    let inside = 0;
    for (let x = width - 1; x >= 0; x--) {
      inside ^= crossings[y * (width + 1) + x + 1];
      if (inside && !spares.has(ids[y * width + x])) ids[y * width + x] = mark.object;
    }
  }
}

/** Marks that say exactly which pixels change. @param {import('./store.js').Mark} mark */
export const isExact = (mark) => mark.kind === 'paint' || mark.kind === 'area' || mark.kind === 'absent';

/** Applies pending exact marks (paint, area, absent) to a copy. @param {PixelMask} mask @param {import('./store.js').Mark[]} marks */
export function withExactMarks(mask, marks) {
  const exact = marks.filter(isExact);
  if (!exact.length) return mask;
  const copy = { ...mask, ids: mask.ids.slice() };
  for (const mark of exact) applyExact(copy, mark);
  return copy;
}

/** @param {PixelMask} mask @param {import('./store.js').Mark} mark */
export function applyExact(mask, mark) {
  if (mark.kind === 'absent') {
    for (let i = 0; i < mask.ids.length; i++) if (mask.ids[i] === mark.object) mask.ids[i] = 0;
    return;
  }
  const points = /** @type {[number, number][]} */ (mark.points).map(([x, y]) => /** @type {[number, number]} */ ([x * mask.width, y * mask.height]));
  if (mark.kind === 'area') return fillArea(mask, mark, points);
  const radius = Math.max(0.5, (/** @type {number} */ (mark.width) * Math.min(mask.width, mask.height)) / 2);
  if (points.length === 1) paintSegment(mask, mark, points[0], points[0], radius);
  for (let i = 1; i < points.length; i++) paintSegment(mask, mark, points[i - 1], points[i], radius);
}
