// The menu that opens at a button; arrow keys move, Escape closes.

import { byId, h } from './dom.js';
import { icon } from './icons.js';

/** @typedef {{text: string, icon?: import('./icons.js').IconName, danger?: boolean, disabled?: boolean, run: () => void} | null} Item */

/**
 * @param {HTMLElement} anchor @param {Item[]} items null: a line between groups
 * @param {() => HTMLElement|null} [again] finds the anchor when it was drawn anew meanwhile
 */
export function openMenu(anchor, items, again = () => null) {
  const menu = byId('menu');
  const back = () => (anchor.isConnected ? anchor : again())?.focus();
  const close = () => {
    menu.hidden = true;
    menu.replaceChildren();
    document.removeEventListener('pointerdown', outside, true);
    anchor.setAttribute('aria-expanded', 'false');
  };
  const outside = (/** @type {Event} */ event) => {
    if (!menu.contains(/** @type {Node} */ (event.target))) close();
  };
  menu.replaceChildren(
    ...items.map((item) =>
      item
        ? h('button', {
            type: 'button', role: 'menuitem', class: item.danger ? 'danger' : null, disabled: item.disabled,
            html: item.icon ? icon(item.icon) : '<span style="width:15px"></span>',
            on: { click: () => { close(); back(); item.run(); } },
          })
        : h('hr', { role: 'separator' }),
    ),
  );
  items.forEach((item, i) => item && menu.children[i].append(item.text));
  menu.hidden = false;
  anchor.setAttribute('aria-expanded', 'true');
  const at = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${at.bottom + height + 8 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4}px`;
  const buttons = [...menu.querySelectorAll('button:not(:disabled)')].map((b) => /** @type {HTMLElement} */ (b));
  buttons[0]?.focus();
  menu.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to !== undefined) buttons[(to + buttons.length) % buttons.length]?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') {
      close();
      back();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener('pointerdown', outside, true);
}
