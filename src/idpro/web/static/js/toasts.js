// Short messages at the bottom; errors stay longer and can be closed.

import { byId, h } from './dom.js';
import { icon } from './icons.js';

/** @param {string} message @param {string} [kind] */
export function say(message, kind = 'note') {
  const toasts = byId('toasts');
  for (const old of toasts.children) if (old instanceof HTMLElement && old.dataset.message === message) old.remove();
  const close = () => toast.remove();
  const toast = h(
    'div',
    { class: `toast ${kind}`, data: { message } },
    kind === 'error' && h('span', { html: icon('warning') }),
    h('span', { text: message }),
    h('button', { class: 'tool-button', type: 'button', 'aria-label': 'Close this message', html: icon('close'), on: { click: close } }),
  );
  toasts.append(toast);
  while (toasts.children.length > 4) toasts.firstChild?.remove();
  setTimeout(close, kind === 'error' ? 12_000 : 4_500);
}
