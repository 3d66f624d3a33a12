// The tools at the left, and the options of the chosen one above the picture.

import { byId, h } from '../dom.js';
import { icon } from '../icons.js';
import { TOOLS } from '../tools.js';

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpRail(store, actions) {
  const rail = byId('rail');
  for (const tool of TOOLS) {
    if (tool.id === 'paint' || tool.id === 'select') rail.append(h('hr'));
    rail.append(
      h(
        'button',
        {
          type: 'button', class: 'tool-button', data: { tool: tool.id }, title: `${tool.name} (${tool.key})`, 'aria-label': tool.name,
          'aria-keyshortcuts': tool.key, html: icon(tool.icon), on: { click: () => actions.setTool(tool.id) },
        },
      ),
    );
    rail.lastElementChild?.append(h('span', { class: 'key', 'aria-hidden': 'true', text: tool.key }));
  }
  store.watch(['tool'], () => {
    for (const button of rail.querySelectorAll('[data-tool]')) {
      button.setAttribute('aria-pressed', String(/** @type {HTMLElement} */ (button).dataset.tool === store.state.tool));
    }
  });
  store.watch(['tool', 'object', 'objects', 'widths', 'project', 'paintErases'], () => options(store, actions));
}

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
function options(store, actions) {
  const { tool, objects, object, widths, project, paintErases } = store.state;
  const about = TOOLS.find((t) => t.id === tool);
  const chosen = objects.find((/** @type {any} */ o) => o.id === object);
  const drawsObject = ['brush', 'click', 'box', 'paint', 'lasso', 'polygon'].includes(tool);
  const fills = ['paint', 'lasso', 'polygon'].includes(tool);
  const holder = byId('options');
  const focused = document.activeElement?.id === 'width';
  const pixels = (/** @type {number} */ w) => (project ? `${Math.max(1, Math.round(w * Math.min(project.width, project.height)))} px` : '');
  if (focused) {
    holder.querySelector('output').textContent = pixels(widths[tool]);
    holder.querySelector('#width').style.setProperty('--at', `${toSlider(widths[tool])}%`);
    return;
  }
  holder.replaceChildren(
    h(
      'div',
      { class: 'pill' },
      drawsObject && h('span', { class: 'dot', style: { '--object': paintErases && fills ? '#ffffff' : (chosen?.color ?? '#8a93a3') } }),
      drawsObject && h('span', { class: 'who', text: paintErases && fills ? 'Background' : (chosen?.name ?? 'New object') }),
      fills &&
        h('button', { type: 'button', class: 'chip', 'aria-pressed': String(paintErases), text: 'Erase', title: 'Paint background instead', on: { click: () => store.set({ paintErases: !paintErases }) } }),
      tool in widths &&
        h('input', {
          type: 'range', id: 'width', min: 0, max: 100, step: 1, value: toSlider(widths[tool]), 'aria-label': 'Width', title: 'Width ( [ and ] )', style: { '--at': `${toSlider(widths[tool])}%` },
          on: {
            input: (/** @type {any} */ event) => actions.setWidth(tool, fromSlider(Number(event.target.value))),
            change: (/** @type {any} */ event) => event.target.blur(),
          },
        }),
      tool in widths && h('output', { text: pixels(widths[tool]) }),
      h('span', { class: 'hint', text: about?.hint ?? '' }),
    ),
  );
}

const [THIN, THICK] = [Math.log(0.003), Math.log(0.3)];
/** @param {number} width */
const toSlider = (width) => Math.round(((Math.log(width) - THIN) / (THICK - THIN)) * 100);
/** @param {number} value */
const fromSlider = (value) => Math.exp(THIN + (value / 100) * (THICK - THIN));
