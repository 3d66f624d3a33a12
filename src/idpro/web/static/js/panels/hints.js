// Three hints on the first visit, each until it was followed.

import { byId, h } from '../dom.js';
import { icon } from '../icons.js';

const KEPT = 'idpro.hints';
const HINTS = [
  'Draw a short stroke inside an object. Add (Shift+N) for the next one; mark other frames if you like.',
  'Commit (Enter) makes masks of the frames you marked.',
  'Propagate (P) makes those of all other frames. Then N shows where another mark helps most.',
];

/** @param {import('../store.js').Store} store */
export function setUpHints(store) {
  const place = byId('hints');
  let over = localStorage.getItem(KEPT) === 'over';
  const end = () => {
    over = true;
    localStorage.setItem(KEPT, 'over');
    show();
  };
  const show = () => {
    const { project, marks, interacted, versions } = store.state;
    const spread = interacted.size > 0 && versions.some((/** @type {number} */ v, /** @type {number} */ f) => v && !interacted.has(f));
    if (spread && !over && !place.hidden) return end();
    place.hidden = over || !project || spread;
    const step = interacted.size ? 2 : marks.size ? 1 : 0;
    if (place.hidden || place.dataset.step === String(step)) return;
    place.dataset.step = String(step);
    place.replaceChildren(
      h('span', { class: 'hint-number', 'aria-hidden': 'true', text: `${step + 1} / ${HINTS.length}` }),
      h('span', { text: HINTS[step] }),
      h('button', { type: 'button', class: 'tool-button', 'aria-label': 'No more hints', title: 'No more hints', html: icon('close'), on: { click: end } }),
    );
  };
  store.watch(['project', 'marks', 'interacted', 'versions'], show);
}
