// Export: choose a format, go on working, take the file; every export of the project is listed.

import { about, h, plural } from '../dom.js';
import { FORMATS, SOFT } from '../formats.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

/** @typedef {import('../store.js').Job} Job */

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function openExport(store, actions) {
  const { present, marks, project } = store.state;
  const masks = present.filter((/** @type {any} */ ids) => ids !== null).length;
  const chosen = store.state.objects.find((/** @type {any} */ o) => o.id === store.state.object);
  const option = (/** @type {string} */ id, /** @type {string} */ text) => {
    const box = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', id }));
    return { box, label: h('label', { class: 'option' }, box, text) };
  };
  const soft = option('export-soft', 'Soft edges');
  const only = option('export-only', `Only ${chosen?.name ?? ''}`);
  let format = localStorage.getItem('idpro.format') ?? 'davis';
  const choose = (/** @type {string} */ id) => {
    format = id;
    localStorage.setItem('idpro.format', id);
    soft.label.hidden = !SOFT.includes(format);
  };
  const formats = h(
    'fieldset',
    { class: 'formats', 'aria-label': 'Format' },
    ...FORMATS.map(([id, name, text]) =>
      h('label', { class: 'format' }, h('input', { type: 'radio', name: 'format', value: id, checked: id === format, on: { change: () => choose(id) } }), h('b', { text: name }), h('small', { text })),
    ),
  );
  const all = masks < project.frames ? `${masks} of ${project.frames} frames have masks` : `All ${plural(project.frames, 'frame')} have masks`;
  const note = h('div', { class: 'grow', role: 'status' }, h('span', { text: `${all}${marks.size ? '; pending marks are not part of them' : ''}. You can go on working while it is written.` }));
  const start = async () => {
    try {
      await actions.api.export({ format, soft: soft.box.checked && SOFT.includes(format), objects: only.box.checked && chosen ? [chosen.id] : null });
    } catch (error) {
      note.replaceChildren(h('span', { class: 'error-line', text: /** @type {Error} */ (error).message }));
    }
  };
  const button = h('button', { type: 'button', class: 'button primary', id: 'start-export', disabled: masks === 0, html: icon('export'), on: { click: () => void start() } }, 'Export');
  const list = h('div', { class: 'exports', id: 'exports', role: 'list', 'aria-label': 'What was exported' });
  const show = () => {
    const { exports, halting, connection } = store.state;
    list.replaceChildren(
      ...(exports.length ? [h('h3', { class: 'list-title', role: 'presentation', text: 'What was exported' })] : []),
      ...[...exports].reverse().map((/** @type {Job} */ job) => row(job, actions, connection === 'offline' ? 'The server does not answer' : (halting.get(job.number) ?? ''))),
    );
  };
  choose(format);
  const unwatch = store.watch(['exports', 'halting', 'connection'], show);
  openDialog('Export', [formats, h('div', { class: 'row options-row' }, only.label, soft.label), h('div', { class: 'dialog-foot' }, note, button), list], { onClose: unwatch });
}

/** @param {Job} job @param {import('../actions.js').Actions} actions @param {string} instead what to say of a running one in place of its progress */
function row(job, actions, instead) {
  const running = ['waiting', 'running'].includes(job.state);
  const share = job.total ? (100 * job.done) / job.total : 0;
  const text =
    running ? instead || (job.state === 'waiting' ? 'Waits for its turn' : job.total ? `${job.done} of ${job.total}${job.left !== null ? ` · ${about(job.left)} left` : ''}` : 'Starting')
    : job.state === 'failed' ? job.message
    : job.state === 'stopped' ? 'Cancelled. Nothing was kept.'
    : `${job.result.name} · ${size(job.result.bytes)}`;
  const bar = h('div', { class: `progress${job.total || instead ? '' : ' unknown'}`, role: 'progressbar', 'aria-label': job.title, 'aria-valuemin': 0, 'aria-valuenow': job.done, 'aria-valuemax': job.total }, h('span'));
  bar.style.setProperty('--done', `${share}%`);
  return h(
    'div',
    { class: 'export', role: 'listitem', data: { number: job.number, state: job.state } },
    h('div', { class: 'grow' }, h('b', { text: job.title }), h('span', { class: job.state === 'failed' ? 'error-line' : '', text }), running && bar),
    running && !instead && h('button', { type: 'button', class: 'button', text: 'Cancel', 'aria-label': `Cancel ${job.title}`, on: { click: () => actions.cancelExport(job.number) } }),
    job.state === 'done' && download(job, actions.api),
  );
}

/** The link that takes the file of a finished export. @param {Job} job @param {import('../api.js').ProjectApi} api */
export function download(job, api) {
  return h('a', { class: 'button download', href: api.exported(job.number), download: job.result.name, html: icon('import'), 'aria-label': `Download ${job.result.name}` }, 'Download');
}

/** @param {number} bytes */
function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power > 1 ? 1 : 0)} ${units[power]}`;
}
