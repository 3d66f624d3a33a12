// The list of objects: choose, rename, recolour, hide, lock, reorder, mark absent, delete.

import { byId, h } from '../dom.js';
import { openClass } from '../dialogs/classing.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';

/** @typedef {import('../store.js').ObjectInfo} ObjectInfo */

export class ObjectList {
  /** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.list = byId('objects');
    /** @type {number|null} */
    this.renaming = null;
    /** @type {number|null} */
    this.dragged = null;
    this.scrolledTo = 0;
    const add = byId('add-object');
    add.innerHTML = icon('plus');
    add.append('Add');
    add.title = 'New object (Shift+N)';
    add.addEventListener('click', () => actions.addObject());
    const only = byId('only-this');
    only.title = 'Commit and propagate change the chosen object alone (Shift+O)';
    only.addEventListener('click', () => store.set({ onlyThis: !store.state.onlyThis }));
    store.watch(['onlyThis'], () => only.setAttribute('aria-pressed', String(store.state.onlyThis)));
    store.watch(['objects', 'object', 'present', 'marks', 'frame'], () => this.render());
  }

  render() {
    if (this.renaming !== null || this.dragged !== null) return;
    const { objects, object } = this.store.state;
    const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.closest?.('.object')?.getAttribute('data-id');
    const within = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset?.part;
    this.list.replaceChildren(
      ...(objects.length
        ? objects.map((/** @type {ObjectInfo} */ o, /** @type {number} */ i) => this.row(o, i))
        : [h('div', { class: 'empty', role: 'row' }, h('span', { role: 'gridcell', text: 'Scribble on something: it becomes the first object. Add more for other things.' }))]),
    );
    if (focused) {
      const row = this.list.querySelector(`[data-id="${focused}"]`);
      /** @type {HTMLElement|null} */ ((within && row?.querySelector(`[data-part="${within}"]`)) || row)?.focus({ preventScroll: true });
    }
    if (object !== this.scrolledTo) this.list.querySelector(`[data-id="${object}"]`)?.scrollIntoView({ block: 'nearest' });
    this.scrolledTo = object;
  }

  /** @param {ObjectInfo} item @param {number} index */
  row(item, index) {
    const { actions, store } = this;
    const { object, present, marks, frame } = store.state;
    const selected = item.id === object;
    const absent = (marks.get(frame) ?? []).some((/** @type {any} */ m) => m.kind === 'absent' && m.object === item.id);
    const seen = present[frame]?.includes(item.id);
    const state = `${item.hidden ? ', hidden' : ''}${item.locked ? ', locked' : ''}${seen ? ', seen on this frame' : ''}`;
    const row = h(
      'div',
      {
        class: `object${item.hidden ? ' off' : ''}`, role: 'row', 'aria-selected': String(selected), tabindex: selected ? 0 : -1, draggable: 'true',
        'aria-label': `${item.id} ${item.name}${state}`, 'aria-keyshortcuts': item.id < 10 ? String(item.id) : null,
        data: { id: item.id }, style: { '--object': item.color, '--on-object': readable(item.color) }, title: `${item.name}: object ${item.id}`,
        on: {
          click: () => store.set({ object: item.id }),
          dblclick: (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.target).classList.contains('name') && this.rename(item),
          keydown: (/** @type {KeyboardEvent} */ event) => this.key(event, index),
          dragstart: () => (this.dragged = item.id),
          dragend: () => this.endDrag(),
          dragover: (/** @type {DragEvent} */ event) => this.dragOver(event, row),
          drop: (/** @type {DragEvent} */ event) => this.drop(event, row, item.id),
        },
      },
      h('span', { role: 'gridcell' }, h('label', { class: 'swatch', title: 'Colour' }, String(item.id), h('input', {
        type: 'color', value: item.color, 'aria-label': `Colour of ${item.name}, object ${item.id}`, tabindex: -1, data: { part: 'color' },
        on: { change: (/** @type {any} */ event) => actions.updateObject(item.id, { color: event.target.value }) },
      }))),
      h('span', { class: 'name', role: 'gridcell', text: item.name }, item.category && h('span', { class: 'category', text: item.category }), absent && h('span', { class: 'absent', text: '  absent here' })),
      h(
        'span',
        { class: 'buttons', role: 'gridcell' },
        this.toggle(item, 'locked', item.locked ? 'lock' : 'unlock', item.locked ? 'Unlock' : 'Lock'),
        this.toggle(item, 'hidden', item.hidden ? 'eye-off' : 'eye', item.hidden ? 'Show' : 'Hide'),
        h('button', {
          type: 'button', class: 'tool-button', 'aria-label': `More about ${item.name}`, 'aria-haspopup': 'menu', html: icon('more'), tabindex: -1, data: { part: 'more' },
          on: { click: (/** @type {Event} */ event) => this.menu(event, item, index) },
        }),
      ),
    );
    return row;
  }

  /** Opens the menu of the chosen object, for the keyboard. */
  openMenu() {
    const button = /** @type {HTMLElement|null} */ (this.list.querySelector(`[data-id="${this.store.state.object}"] [data-part="more"]`));
    button?.focus();
    button?.click();
  }

  /** @param {ObjectInfo} item @param {'hidden'|'locked'} key @param {import('../icons.js').IconName} name @param {string} label */
  toggle(item, key, name, label) {
    return h('button', {
      type: 'button', class: 'tool-button quiet-until', 'aria-pressed': String(item[key]), 'aria-label': `${label} ${item.name}`, title: label, html: icon(name),
      tabindex: -1, data: { part: key },
      on: { click: (/** @type {Event} */ event) => { event.stopPropagation(); this.actions.updateObject(item.id, { [key]: !item[key] }); } },
    });
  }

  /** @param {Event} event @param {ObjectInfo} item @param {number} index */
  menu(event, item, index) {
    event.stopPropagation();
    const { actions, store } = this;
    const { range, objects, frame, present, project } = store.state;
    const ids = objects.map((/** @type {ObjectInfo} */ o) => o.id);
    const move = (/** @type {number} */ to) => actions.orderObjects(moved(ids, index, to));
    store.set({ object: item.id });
    openMenu(/** @type {HTMLElement} */ (event.currentTarget), [
      { text: 'Rename', run: () => this.rename(item) },
      { text: item.category ? `Class: ${item.category}` : 'Class', run: () => openClass(store, actions, item) },
      { text: item.hidden ? 'Show' : 'Hide', icon: item.hidden ? 'eye' : 'eye-off', run: () => actions.updateObject(item.id, { hidden: !item.hidden }) },
      { text: item.locked ? 'Unlock' : 'Lock', icon: item.locked ? 'unlock' : 'lock', run: () => actions.updateObject(item.id, { locked: !item.locked }) },
      { text: 'Move up', disabled: index === 0, run: () => move(index - 1) },
      { text: 'Move down', disabled: index === ids.length - 1, run: () => move(index + 1) },
      null,
      { text: 'Copy mask to the next frame', icon: 'next', disabled: !present[frame]?.includes(item.id) || frame === project.frames - 1, run: () => void actions.copyMask(1) },
      { text: 'Copy mask to the frame before', icon: 'previous', disabled: !present[frame]?.includes(item.id) || frame === 0, run: () => void actions.copyMask(-1) },
      { text: `Absent on frame ${frame}`, icon: 'eye-off', run: () => actions.markAbsent(item.id) },
      { text: range ? `Delete on frames ${range[0]} to ${range[1]}` : 'Delete on a range (mark it with I and O)', icon: 'loop', disabled: !range, danger: true, run: () => actions.eraseObject(item.id, range) },
      { text: 'Delete everywhere', icon: 'trash', danger: true, run: () => actions.eraseObject(item.id) },
    ], () => this.list.querySelector(`[data-id="${item.id}"] [data-part="more"]`));
  }

  /** @param {ObjectInfo} item */
  rename(item) {
    const name = this.list.querySelector(`[data-id="${item.id}"] .name`);
    if (!name) return;
    this.renaming = item.id;
    const row = /** @type {HTMLElement} */ (name.closest('.object'));
    row.draggable = false;
    const finish = (/** @type {boolean} */ keep) => {
      if (this.renaming === null) return;
      this.renaming = null;
      const text = input.value.trim().slice(0, 60);
      if (keep && text && text !== item.name) this.actions.updateObject(item.id, { name: text });
      this.render();
    };
    const input = /** @type {HTMLInputElement} */ (
      h('input', {
        class: 'name', value: item.name, maxlength: 60, 'aria-label': 'Name',
        on: {
          blur: () => finish(true),
          keydown: (/** @type {KeyboardEvent} */ event) => {
            event.stopPropagation();
            if (event.key === 'Enter') finish(true);
            else if (event.key === 'Escape') finish(false);
          },
          click: (/** @type {Event} */ event) => event.stopPropagation(),
        },
      })
    );
    name.replaceWith(input);
    input.focus();
    input.select();
  }

  /** @param {KeyboardEvent} event @param {number} index */
  key(event, index) {
    const { objects } = this.store.state;
    const row = /** @type {HTMLElement} */ (event.currentTarget);
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
      const stops = [row, .../** @type {NodeListOf<HTMLElement>} */ (row.querySelectorAll('[data-part]'))];
      const at = stops.indexOf(/** @type {HTMLElement} */ (event.target));
      stops[at + (event.key === 'ArrowRight' ? 1 : -1)]?.focus();
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.target !== row && !event.key.startsWith('Arrow')) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const next = objects[index + (event.key === 'ArrowDown' ? 1 : -1)];
      if (next && event.ctrlKey) this.actions.orderObjects(moved(objects.map((/** @type {ObjectInfo} */ o) => o.id), index, index + (event.key === 'ArrowDown' ? 1 : -1)));
      else if (next) {
        this.store.set({ object: next.id });
        queueMicrotask(() => this.list.querySelector(`[data-id="${next.id}"]`)?.focus());
      }
    } else if (event.key === 'F2') this.rename(objects[index]);
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) this.openMenu();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {DragEvent} event @param {HTMLElement} row */
  dragOver(event, row) {
    if (this.dragged === null) return;
    event.preventDefault();
    const after = event.offsetY > row.clientHeight / 2;
    this.clearDrop();
    row.classList.add(after ? 'drop-after' : 'drop-before');
  }

  /** @param {DragEvent} event @param {HTMLElement} row @param {number} target */
  drop(event, row, target) {
    event.preventDefault();
    const ids = this.store.state.objects.map((/** @type {ObjectInfo} */ o) => o.id);
    const from = ids.indexOf(this.dragged);
    let to = ids.indexOf(target) + (row.classList.contains('drop-after') ? 1 : 0);
    if (to > from) to -= 1;
    this.endDrag();
    if (from >= 0 && to !== from) this.actions.orderObjects(moved(ids, from, to));
  }

  endDrag() {
    this.dragged = null;
    this.clearDrop();
  }

  clearDrop() {
    for (const row of this.list.children) row.classList.remove('drop-before', 'drop-after');
  }
}

/** Black or white, whichever reads better on a colour. @param {string} color "#rrggbb" */
function readable(color) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(color.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#000000' : '#ffffff';
}

/** @param {number[]} ids @param {number} from @param {number} to */
function moved(ids, from, to) {
  const copy = [...ids];
  copy.splice(to, 0, ...copy.splice(from, 1));
  return copy;
}
