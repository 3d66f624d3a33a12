// The one dialog of the page; what is in it changes.

import { byId, h } from '../dom.js';
import { icon } from '../icons.js';
import { raiseToasts } from '../toasts.js';

/** What ends with the dialog that is open. */
let over = () => undefined;

/**
 * @param {string} title @param {Node[]} body
 * @param {{closable?: boolean, onClose?: () => any, wide?: boolean}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, body, { closable = true, onClose = () => undefined, wide = false } = {}) {
  /** @type {HTMLDialogElement} */
  const dialog = byId('dialog');
  over();
  over = onClose;
  if (dialog.open) dialog.close();
  dialog.classList.toggle('wide', wide);
  byId('dialog-content').replaceChildren(
    h(
      'div',
      { class: 'dialog-head' },
      h('h2', { id: 'dialog-title', text: title }),
      closable && h('button', { type: 'button', class: 'tool-button', 'aria-label': 'Close', html: icon('close'), on: { click: () => dialog.close() } }),
    ),
    h('div', { class: 'dialog-body' }, ...body),
  );
  dialog.oncancel = (event) => {
    if (!closable) event.preventDefault();
  };
  dialog.onclick = (event) => {
    if (closable && event.target === dialog) dialog.close();
  };
  dialog.onclose = () => {
    if (dialog.open) return; // the event of a dialog before this one came late
    over();
    over = () => undefined;
    raiseToasts();
  };
  dialog.showModal();
  raiseToasts();
  return dialog;
}
