// Where the frame lies on the stage: zoom and pan, in CSS pixels.

import { clamp } from './dom.js';

const MARGIN = 24;
const OPTIONS = 54; // the tool's options lie over the top of the stage
const LARGEST = 40;

export class Viewport {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.frame = { width: 1, height: 1 };
    this.stage = { width: 1, height: 1 };
    this.fitted = true;
  }

  /** @param {number} width @param {number} height the frame's size in pixels */
  setFrame(width, height) {
    this.frame = { width, height };
    this.fit();
  }

  /** @param {number} width @param {number} height the stage's size in CSS pixels */
  setStage(width, height) {
    const [dx, dy] = [(width - this.stage.width) / 2, (height - this.stage.height) / 2];
    this.stage = { width, height };
    if (this.fitted) this.fit();
    else this.move(dx, dy);
  }

  get margin() {
    return Math.min(MARGIN, this.stage.width / 20);
  }

  get top() {
    return Math.min(OPTIONS, this.stage.height / 6);
  }

  get fitScale() {
    const { width, height } = this.stage;
    return Math.max(0.01, Math.min((width - 2 * this.margin) / this.frame.width, (height - this.top - this.margin) / this.frame.height));
  }

  fit() {
    this.scale = this.fitScale;
    this.x = (this.stage.width - this.frame.width * this.scale) / 2;
    this.y = Math.max(this.top, (this.stage.height - this.frame.height * this.scale) / 2);
    this.fitted = true;
    this.changed();
  }

  /** Zooms about a point of the stage. @param {number} factor @param {number} [px] @param {number} [py] */
  zoom(factor, px = this.stage.width / 2, py = this.stage.height / 2) {
    const scale = clamp(this.scale * factor, this.fitScale / 2, LARGEST);
    const ratio = scale / this.scale;
    this.x = px - (px - this.x) * ratio;
    this.y = py - (py - this.y) * ratio;
    this.scale = scale;
    this.fitted = false;
    this.keepInSight();
    this.changed();
  }

  /** @param {number} dx @param {number} dy */
  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.keepInSight();
    this.changed();
  }

  keepInSight() {
    const [w, h] = [this.frame.width * this.scale, this.frame.height * this.scale];
    this.x = clamp(this.x, Math.min(0, this.stage.width / 2 - w), Math.max(this.stage.width - w, this.stage.width / 2));
    this.y = clamp(this.y, Math.min(0, this.stage.height / 2 - h), Math.max(this.stage.height - h, this.stage.height / 2));
  }

  /** Stage to frame fractions, kept in 0..1. @param {number} px @param {number} py @returns {[number, number]} */
  toUnit(px, py) {
    const [x, y] = this.toFraction(px, py);
    return [clamp(x, 0, 1), clamp(y, 0, 1)];
  }

  /** Stage to frame fractions, also outside of the frame. @param {number} px @param {number} py @returns {[number, number]} */
  toFraction(px, py) {
    return [(px - this.x) / this.scale / this.frame.width, (py - this.y) / this.scale / this.frame.height];
  }

  /** Frame fractions to stage. @param {number} x @param {number} y @returns {[number, number]} */
  toStage(x, y) {
    return [this.x + x * this.frame.width * this.scale, this.y + y * this.frame.height * this.scale];
  }

  /** A width as a fraction of the frame's short side, in CSS pixels. @param {number} width */
  lengthToStage(width) {
    return width * Math.min(this.frame.width, this.frame.height) * this.scale;
  }

  /** @param {number} length in CSS pixels @returns {number} as a fraction of the short side */
  lengthToUnit(length) {
    return length / (Math.min(this.frame.width, this.frame.height) * this.scale);
  }
}
