// The pending marks, by frame: go there, pick one, give it to another object, remove it.

import { byId, freshId, h, plural } from '../dom.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';

/** @typedef {import('../store.js').Mark} Mark */

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpMarks(store, actions) {
  const holder = byId('marks');
  const clear = byId('clear-marks');
  clear.addEventListener('click', () => actions.clearMarks(null));
  /** @type {{frame: number, marks: Map<number, Mark[]>|null}} */
  let shown = { frame: -1, marks: null };
  store.watch(['marks', 'committed', 'interacted', 'objects', 'frame', 'selected'], () => {
    const { marks, frame } = store.state;
    const before = actions.committedHere();
    const scrolled = holder.scrollTop;
    clear.hidden = marks.size === 0;
    const frames = [...marks.keys()].sort((a, b) => a - b);
    holder.replaceChildren(
      ...(frames.length
        ? frames.map((f) => group(store, actions, f, marks.get(f), f === frame))
        : [h('p', { class: 'empty', text: 'Nothing pending. Marks on any number of frames wait here until you commit them.' })]),
      ...(before.length ? [committedGroup(store, actions, frame, before)] : []),
    );
    const here = /** @type {HTMLElement|null} */ (holder.querySelector('[data-here="true"]'));
    const top = here ? here.offsetTop - holder.offsetTop : 0;
    if (here && shown.frame !== frame) holder.scrollTop = top;
    else if (here && shown.marks !== marks) holder.scrollTop = Math.max(top, top + here.offsetHeight - holder.clientHeight); // the newest
    else holder.scrollTop = scrolled;
    shown = { frame, marks };
  });
}

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions @param {number} frame @param {Mark[]} marks @param {boolean} here */
function group(store, actions, frame, marks, here) {
  return h(
    'div',
    { class: 'mark-frame', data: { here } },
    h('button', { type: 'button', class: 'mark-frame-head', on: { click: () => actions.seek(frame) }, title: `Go to frame ${frame}` }, `Frame ${frame}`, h('span', { class: 'empty', text: plural(marks.length, 'mark') })),
    ...marks.map((mark) => row(store, actions, frame, mark)),
  );
}

/** What was committed on the frame in sight. @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions @param {number} frame @param {Mark[]} marks */
function committedGroup(store, actions, frame, marks) {
  return h(
    'div',
    { class: 'mark-frame committed' },
    h('div', { class: 'mark-frame-head still' }, 'Committed here', h('span', { class: 'empty', text: plural(marks.length, 'mark') }),
      h('button', { type: 'button', class: 'small-button', id: 'take-up', text: 'Take up', title: 'Make them pending again, to change them and commit anew', on: { click: () => actions.takeUp(frame) } })),
    ...marks.map((mark) => row(store, actions, frame, mark)),
  );
}

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions @param {number} frame @param {Mark} mark */
function row(store, actions, frame, mark) {
  const { objects, selected } = store.state;
  const object = objects.find((/** @type {any} */ o) => o.id === mark.object);
  const owner = mark.object ? (object?.name ?? `Object ${mark.object}`) : 'Background';
  const choose = () => {
    actions.seek(frame);
    store.set({ selected: mark.id });
  };
  return h(
    'div',
    { class: `mark${mark.id === selected ? ' selected' : ''}`, style: { '--object': object?.color ?? 'var(--faint)' }, data: { mark: mark.id } },
    h('span', { class: 'dot' }),
    h('button', { type: 'button', class: 'what', 'aria-pressed': String(mark.id === selected), text: `${owner} · ${kind(mark)}`, on: { click: choose } }),
    h(
      'span',
      { class: 'row' },
      mark.kind !== 'absent' &&
        h('button', {
          type: 'button', class: 'tool-button', 'aria-label': `Give this ${kind(mark)} to another object`, 'aria-haspopup': 'menu', title: 'Give to another object', html: icon('more'),
          on: {
            click: (/** @type {Event} */ event) =>
              openMenu(
                /** @type {HTMLElement} */ (event.currentTarget),
                [...objects.map((/** @type {any} */ o) => ({ id: o.id, name: o.name })), ...(mark.kind === 'box' ? [] : [{ id: 0, name: 'Background' }])].map((o) => ({
                  text: o.name, icon: o.id === mark.object ? /** @type {const} */ ('check') : undefined, disabled: o.id === mark.object || actions.isLocked(o.id),
                  run: () => actions.changeMarks(frame, [mark.id], [{ ...mark, id: freshId(), object: o.id }]),
                })),
              ),
          },
        }),
      h('button', { type: 'button', class: 'tool-button', 'aria-label': `Remove this ${kind(mark)}`, title: 'Remove', html: icon('close'), on: { click: () => actions.changeMarks(frame, [mark.id], []) } }),
    ),
  );
}

/** @param {Mark} mark */
function kind(mark) {
  if (mark.kind === 'stroke') return mark.points?.length === 1 ? 'click' : 'stroke';
  return { box: 'box', paint: 'mask brush', area: 'filled area', absent: 'absent' }[mark.kind];
}
