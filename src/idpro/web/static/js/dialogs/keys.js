// The sheet of shortcuts, made from the table that acts.

import { h } from '../dom.js';
import { openDialog } from './dialog.js';

const SYMBOLS = /** @type {Record<string, string>} */ ({ ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', Delete: 'Del' });

/** @param {import('../keyboard.js').Shortcut[]} table */
export function openKeys(table) {
  const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
  const shown = (/** @type {string} */ key) => key.split(/\+(?=.)/).map((part) => SYMBOLS[part] ?? (mac && part === 'Ctrl' ? '⌘' : part)).join(' ');
  const groups = [...new Set(table.map((s) => s.group))];
  const pointer = [
    ['Zoom', 'Wheel, pinch'], ['Pan', 'Shift+wheel, middle button, two fingers'], ['Background instead of object', 'Alt or right button'], ['Range on the timeline', 'Shift+drag'], ['Zoom the timeline', 'Wheel over it'],
  ];
  openDialog('Shortcuts', [
    h(
      'div',
      { class: 'keys' },
      ...groups.map((group) =>
        h('section', {}, h('h3', { text: group }), h('ul', {}, ...table.filter((s) => s.group === group && s.text).map((s) =>
          h('li', {}, h('span', { text: s.text }), h('span', {}, ...(s.keys[0] === '1' ? [h('kbd', { text: '1 … 9' })] : s.keys.slice(0, 2).map((k) => h('kbd', { text: shown(k) })))))))),
      ),
      h('section', {}, h('h3', { text: 'Mouse, pen and touch' }), h('ul', {}, ...pointer.map(([what, how]) => h('li', {}, h('span', { text: what }), h('span', { text: how }))))),
    ),
  ], { wide: true });
}
