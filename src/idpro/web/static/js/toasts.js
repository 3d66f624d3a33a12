// Short messages in the top layer, above dialogs too; errors stay longer and can be closed.

import { byId, h } from './dom.js';
import { icon } from './icons.js';

/** @param {string} message @param {string} [kind] @param {Node} [more] such as a link */
export function say(message, kind = 'note', more = undefined) {
  const toasts = byId('toasts');
  for (const old of toasts.children) if (old instanceof HTMLElement && old.dataset.message === message) old.remove();
  const close = () => {
    toast.remove();
    if (!toasts.children.length && toasts.matches(':popover-open')) toasts.hidePopover();
  };
  const toast = h(
    'div',
    { class: `toast ${kind}`, data: { message } },
    kind === 'error' && h('span', { html: icon('warning') }),
    h('span', { text: message }),
    more,
    h('button', { class: 'tool-button', type: 'button', 'aria-label': 'Close this message', html: icon('close'), on: { click: close } }),
  );
  toasts.append(toast);
  while (toasts.children.length > 4) toasts.firstChild?.remove();
  raiseToasts();
  setTimeout(close, kind === 'error' || more ? 12_000 : 4_500);
}

/** Puts the messages on top of everything: inside of the open dialog, as what is outside of it cannot be clicked. */
export function raiseToasts() {
  const toasts = byId('toasts');
  const home = document.querySelector('dialog[open]') ?? document.body;
  if (toasts.matches(':popover-open')) toasts.hidePopover();
  if (toasts.parentElement !== home) home.append(toasts);
  toasts.classList.toggle('central', home !== document.body);
  const [stage, zoom] = [byId('stage').getBoundingClientRect(), byId('zoom').getBoundingClientRect()];
  const place = { left: stage.left + 12, bottom: innerHeight - stage.bottom + 12 + (byId('hints').hidden ? 0 : byId('hints').offsetHeight + 8), 'max-width': Math.min(560, stage.width - zoom.width - 40) };
  for (const [property, value] of Object.entries(place)) toasts.style.setProperty(property, home === document.body ? `${value}px` : '');
  if (toasts.children.length) toasts.showPopover();
}
