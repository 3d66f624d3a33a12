// Drawing of marks: strokes, clicks, boxes, absences, and the tool's cursor, over the picture.

/** @typedef {import('./store.js').Mark} Mark */
/** @typedef {import('./viewport.js').Viewport} Viewport */

const CASING = 'rgba(0, 0, 0, 0.55)';
const BACKGROUND = '#f4f6fb';

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {Mark} mark
 * @param {string} color
 * @param {boolean} selected
 * @param {boolean} [before] committed already: drawn faintly
 */
export function drawMark(context, viewport, mark, color, selected, before = false) {
  context.save();
  if (before && !selected) context.globalAlpha = 0.45;
  context.lineCap = context.lineJoin = 'round';
  if (selected) {
    context.shadowColor = '#ffffff';
    context.shadowBlur = 10;
  }
  if (mark.kind === 'stroke') drawStroke(context, viewport, mark, mark.object ? color : BACKGROUND, selected);
  else if (mark.kind === 'box') drawBox(context, viewport, mark, color, selected);
  else if (mark.kind === 'area') drawArea(context, viewport, mark, mark.object ? color : BACKGROUND, selected);
  else if (mark.kind === 'paint' && selected) {
    context.globalAlpha = 0.5;
    trace(context, viewport, mark);
    context.strokeStyle = '#ffffff';
    context.lineWidth = 1.5;
    context.stroke();
  }
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {Mark} mark */
function trace(context, viewport, mark) {
  context.beginPath();
  const points = mark.points ?? [];
  points.forEach(([x, y], i) => {
    const [px, py] = viewport.toStage(x, y);
    if (i === 0) context.moveTo(px, py);
    else context.lineTo(px, py);
  });
}

/** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {Mark} mark @param {string} color @param {boolean} selected */
function drawStroke(context, viewport, mark, color, selected) {
  const points = mark.points ?? [];
  const width = Math.max(2.5, viewport.lengthToStage(mark.width ?? 0.01));
  if (points.length === 1) {
    drawClick(context, viewport.toStage(...points[0]), color, !mark.object, selected);
    return;
  }
  trace(context, viewport, mark);
  context.strokeStyle = selected ? '#ffffff' : CASING;
  context.lineWidth = width + (selected ? 4 : 2.5);
  context.stroke();
  context.shadowBlur = 0;
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
  if (!mark.object) {
    context.strokeStyle = '#20242d';
    context.lineWidth = Math.max(1.5, width * 0.45);
    context.setLineDash([width * 0.6, width * 1.5]);
    context.stroke();
  }
}

/** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {Mark} mark @param {string} color @param {boolean} selected */
function drawArea(context, viewport, mark, color, selected) {
  trace(context, viewport, mark);
  context.closePath();
  context.strokeStyle = selected ? '#ffffff' : CASING;
  context.lineWidth = selected ? 4 : 3;
  context.stroke();
  context.shadowBlur = 0;
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {[number, number]} at @param {string} color @param {boolean} negative @param {boolean} selected */
function drawClick(context, [x, y], color, negative, selected) {
  context.beginPath();
  context.arc(x, y, 7.5, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.lineWidth = selected ? 3 : 2;
  context.strokeStyle = selected ? '#ffffff' : 'rgba(0, 0, 0, 0.7)';
  context.stroke();
  context.shadowBlur = 0;
  context.beginPath();
  context.moveTo(x - 3.5, y);
  context.lineTo(x + 3.5, y);
  if (!negative) {
    context.moveTo(x, y - 3.5);
    context.lineTo(x, y + 3.5);
  }
  context.strokeStyle = '#15171c';
  context.lineWidth = 2;
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {Mark} mark @param {string} color @param {boolean} selected */
function drawBox(context, viewport, mark, color, selected) {
  const [x0, y0] = viewport.toStage(mark.x0 ?? 0, mark.y0 ?? 0);
  const [x1, y1] = viewport.toStage(mark.x1 ?? 0, mark.y1 ?? 0);
  context.lineWidth = selected ? 5 : 4;
  context.strokeStyle = selected ? '#ffffff' : CASING;
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.shadowBlur = 0;
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.setLineDash([8, 4]);
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}

/**
 * The brush's ring under the pointer.
 * @param {CanvasRenderingContext2D} context @param {[number, number]} at @param {number} diameter @param {string} color @param {boolean} dashed
 */
export function drawCursor(context, [x, y], diameter, color, dashed) {
  context.save();
  context.beginPath();
  context.arc(x, y, Math.max(2, diameter / 2), 0, 2 * Math.PI);
  context.lineWidth = 3;
  context.strokeStyle = 'rgba(0, 0, 0, 0.5)';
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = color;
  if (dashed) context.setLineDash([4, 3]);
  context.stroke();
  context.restore();
}

/**
 * Whether a mark passes within `reach` (CSS pixels) of a point of the stage.
 * @param {Viewport} viewport @param {Mark} mark @param {[number, number]} at @param {number} reach
 */
export function touches(viewport, mark, [x, y], reach) {
  if (mark.kind === 'box') {
    const [x0, y0] = viewport.toStage(mark.x0 ?? 0, mark.y0 ?? 0);
    const [x1, y1] = viewport.toStage(mark.x1 ?? 0, mark.y1 ?? 0);
    const inside = x > x0 - reach && x < x1 + reach && y > y0 - reach && y < y1 + reach;
    const deep = x > x0 + reach && x < x1 - reach && y > y0 + reach && y < y1 - reach;
    return inside && !deep;
  }
  const points = (mark.points ?? []).map(([px, py]) => viewport.toStage(px, py));
  if (mark.kind === 'area') points.push(points[0]);
  const limit = reach + (points.length === 1 && mark.kind === 'stroke' ? 7 : viewport.lengthToStage(mark.width ?? 0) / 2);
  return points.some((point, i) => distance([x, y], points[Math.max(0, i - 1)], point) <= limit);
}

/** Distance of p to the segment a b. @param {[number, number]} p @param {[number, number]} a @param {[number, number]} b */
function distance(p, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length)) : 0;
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

/**
 * What is left of a stroke after the eraser passed: pieces without the points it touched.
 * @param {Viewport} viewport @param {Mark} mark @param {[number, number]} at @param {number} reach in CSS pixels
 * @returns {[number, number][][] | null} null: untouched
 */
export function eraseFrom(viewport, mark, at, reach) {
  if (!touches(viewport, mark, at, reach)) return null;
  if (mark.kind !== 'stroke' || (mark.points ?? []).length < 2) return [];
  const dense = densify(viewport, mark.points ?? [], Math.max(2, reach / 3));
  const limit = reach + viewport.lengthToStage(mark.width ?? 0) / 2;
  /** @type {[number, number][][]} */
  const pieces = [];
  /** @type {[number, number][]} */
  let piece = [];
  for (const point of dense) {
    const [x, y] = viewport.toStage(...point);
    if (Math.hypot(x - at[0], y - at[1]) > limit) piece.push(point);
    else {
      if (piece.length > 1) pieces.push(piece);
      piece = [];
    }
  }
  if (piece.length > 1) pieces.push(piece);
  return pieces;
}

/** @param {Viewport} viewport @param {[number, number][]} points @param {number} gap in CSS pixels @returns {[number, number][]} */
function densify(viewport, points, gap) {
  /** @type {[number, number][]} */
  const dense = [points[0]];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const [pa, pb] = [viewport.toStage(...a), viewport.toStage(...b)];
    const steps = Math.max(1, Math.ceil(Math.hypot(pb[0] - pa[0], pb[1] - pa[1]) / gap));
    for (let s = 1; s <= steps; s++) dense.push([a[0] + ((b[0] - a[0]) * s) / steps, a[1] + ((b[1] - a[1]) * s) / steps]);
  }
  return dense;
}
