// The one dialog of the page; what is in it changes.

import { byId, h } from '../dom.js';
import { icon } from '../icons.js';

/**
 * @param {string} title @param {Node[]} body
 * @param {{closable?: boolean, onClose?: () => void}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, { closable = true, onClose = () => undefined } = {}) {
  /** @type {HTMLDialogElement} */
  const dialog = byId('dialog');
  if (dialog.open) dialog.close();
  dialog.replaceChildren(
    h(
      'div',
      { class: 'dialog-head' },
      h('h1', { id: 'dialog-title', text: title }),
      closable && h('button', { type: 'button', class: 'tool-button', 'aria-label': 'Close', html: icon('close'), on: { click: () => dialog.close() } }),
    ),
    h('div', { class: 'dialog-body' }, ...body),
  );
  dialog.setAttribute('aria-labelledby', 'dialog-title');
  dialog.oncancel = (event) => {
    if (!closable) event.preventDefault();
  };
  dialog.onclick = (event) => {
    if (closable && event.target === dialog) dialog.close();
  };
  dialog.onclose = () => dialog.open || onClose(); // the event of a dialog before this one may come late
  dialog.showModal();
  return dialog;
}
