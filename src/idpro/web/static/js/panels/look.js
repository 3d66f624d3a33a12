// How the masks are looked at.

import { byId, h } from '../dom.js';

const MODES = /** @type {const} */ ([
  ['overlay', 'All', 'All objects over the picture'],
  ['object', 'One', 'Only the chosen object (S)'],
  ['cutout', 'Cut', 'The chosen object in front of black'],
  ['matte', 'Matte', 'The soft matte of the chosen object'],
  ['off', 'Off', 'Only the picture (T)'],
]);

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpLook(store, actions) {
  const modes = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'What to show' });
  for (const [mode, text, title] of MODES) {
    modes.append(h('button', { type: 'button', role: 'radio', text, title, data: { mode }, on: { click: () => actions.setView({ mode }) } }));
  }
  const opacity = /** @type {HTMLInputElement} */ (
    h('input', { type: 'range', id: 'opacity', min: 0, max: 100, 'aria-label': 'Opacity of the masks', on: { input: () => actions.setView({ opacity: Number(opacity.value) / 100 }) } })
  );
  const percent = h('output', { for: 'opacity' });
  const chip = (/** @type {'outline'|'marks'|'preview'|'before'} */ key, /** @type {string} */ text, /** @type {string} */ title) =>
    h('button', { type: 'button', class: 'chip', text, title, data: { key }, on: { click: () => actions.setView({ [key]: !store.state.view[key] }) } });
  const chips = h('div', { class: 'checks' }, chip('outline', 'Outlines', 'Outlines (L)'), chip('marks', 'Marks', 'Pending marks (K)'), chip('preview', 'Live', 'Live preview: see at once what the pending marks of a frame come to (W)'), chip('before', 'Before', 'The masks before the last round (Q)'));
  byId('view').append(modes, h('label', { class: 'field' }, 'Opacity', opacity, percent), chips);
  store.watch(['view'], () => {
    const { view } = store.state;
    for (const button of modes.children) button.setAttribute('aria-checked', String(/** @type {HTMLElement} */ (button).dataset.mode === view.mode));
    for (const button of chips.children) button.setAttribute('aria-pressed', String(view[/** @type {HTMLElement} */ (button).dataset.key ?? '']));
    opacity.value = String(Math.round(view.opacity * 100));
    opacity.style.setProperty('--at', `${opacity.value}%`);
    percent.textContent = `${Math.round(view.opacity * 100)} %`;
  });
}
