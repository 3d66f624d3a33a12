// The class of an object, apart from its name: two objects may be of one class. The set of classes is kept for every project.

import { h } from '../dom.js';
import { openDialog } from './dialog.js';

const KEPT = 'idpro.classes';

/** @returns {string[]} */
export function classSet() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? '[]');
  } catch {
    return [];
  }
}

/** Classes from what a person gives: one a line or separated by commas, or JSON (a list of names, or of things with a name). @param {string} text @returns {string[]} */
export function readClasses(text) {
  let names = text.split(/[\n,;]+/);
  try {
    const data = JSON.parse(text);
    const list = Array.isArray(data) ? data : (data.categories ?? data.labels ?? data.names ?? Object.values(data));
    names = Object.values(list).map((/** @type {any} */ one) => String(one?.name ?? one));
  } catch {
    // Not JSON: lines.
  }
  return [...new Set(names.map((name) => name.trim().slice(0, 60)).filter(Boolean))];
}

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions @param {import('../store.js').ObjectInfo} item */
export function openClass(store, actions, item) {
  const used = store.state.objects.map((/** @type {any} */ o) => o.category).filter(Boolean);
  const finish = (/** @type {string} */ category) => {
    actions.updateObject(item.id, { category: category.trim().slice(0, 60) });
    dialog.close();
  };
  const field = /** @type {HTMLInputElement} */ (
    h('input', { class: 'text', id: 'class-name', value: item.category, maxlength: 60, placeholder: 'such as person', 'aria-label': `Class of ${item.name}`, on: { keydown: (/** @type {KeyboardEvent} */ event) => event.key === 'Enter' && finish(field.value) } })
  );
  const chips = h('div', { class: 'class-chips' });
  const show = () => chips.replaceChildren(...[...new Set([...classSet(), ...used])].map((name) => h('button', { type: 'button', class: 'chip', 'aria-pressed': String(name === item.category), text: name, on: { click: () => finish(name) } })));
  const set = /** @type {HTMLTextAreaElement} */ (h('textarea', { class: 'text', rows: 5, 'aria-label': 'Set of classes', placeholder: 'One class a line', on: { change: () => keep(set.value) } }));
  set.value = classSet().join('\n');
  const keep = (/** @type {string} */ text) => {
    localStorage.setItem(KEPT, JSON.stringify(readClasses(text)));
    set.value = classSet().join('\n');
    show();
  };
  const file = /** @type {HTMLInputElement} */ (h('input', { type: 'file', hidden: true, accept: '.txt,.json,.names,.csv', on: { change: () => file.files?.[0] && void file.files[0].text().then(keep) } }));
  show();
  const dialog = openDialog(`Class of ${item.id} ${item.name}`, [
    h('div', { class: 'row' }, field, h('button', { type: 'button', class: 'button primary', text: 'Use', on: { click: () => finish(field.value) } }), item.category && h('button', { type: 'button', class: 'button', text: 'No class', on: { click: () => finish('') } })),
    chips,
    h('h3', { class: 'list-title', text: 'Set of classes, for every project' }),
    set,
    h('div', { class: 'row dialog-foot' }, h('button', { type: 'button', class: 'button', text: 'Load from a file', on: { click: () => file.click() } }), h('span', { class: 'note grow', text: 'Text with one class a line, or JSON.' }), file),
  ]);
  field.focus();
}
