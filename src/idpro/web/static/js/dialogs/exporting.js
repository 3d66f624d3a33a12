// Export: choose a format, watch it, take the file.

import { about, h } from '../dom.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

const FORMATS = /** @type {const} */ ([
  ['davis', 'DAVIS masks', 'Palette PNG, pixel = object id'],
  ['binary', 'Binary masks', 'One black and white PNG an object'],
  ['rgba', 'Cut-outs', 'RGBA PNG, objects on transparent'],
  ['matte', 'Soft mattes', 'Gray PNG from probabilities'],
  ['overlay', 'Overlay video', 'MP4 with the masks drawn over it'],
  ['prores', 'Alpha video, ProRes 4444', 'MOV for editing and compositing'],
  ['vp9', 'Alpha video, VP9', 'WebM for the web'],
  ['coco', 'COCO RLE', 'JSON, one annotation a mask'],
  ['youtube-vis', 'YouTube-VIS', 'JSON, one track an object'],
  ['yolo', 'YOLO segmentation', 'Polygons as text, one file a frame'],
]);

const SOFT = ['rgba', 'prores', 'vp9']; // formats with transparency

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function openExport(store, actions) {
  const { present, marks, project } = store.state;
  const masks = present.filter((/** @type {any} */ ids) => ids !== null).length;
  const chosen = store.state.objects.find((/** @type {any} */ o) => o.id === store.state.object);
  const option = (/** @type {string} */ id, /** @type {string} */ text) => {
    const box = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', id, on: { change: () => { mine = null; show(); } } }));
    return { box, label: h('label', { class: 'option' }, box, text) };
  };
  const soft = option('export-soft', 'Soft edges');
  const only = option('export-only', `Only ${chosen?.name ?? ''}`);
  let format = localStorage.getItem('idpro.format') ?? 'davis';
  /** @type {number|null} */
  let mine = null;
  const formats = h(
    'fieldset',
    { class: 'formats', 'aria-label': 'Format' },
    ...FORMATS.map(([id, name, text]) =>
      h('label', { class: 'format' }, h('input', { type: 'radio', name: 'format', value: id, checked: id === format, on: { change: () => { format = id; localStorage.setItem('idpro.format', id); mine = null; show(); } } }), h('b', { text: name }), h('small', { text })),
    ),
  );
  const state = h('div', { class: 'grow', role: 'status' });
  const buttons = h('div', { class: 'row' });
  const start = async () => {
    try {
      mine = (await actions.api.export({ format, soft: soft.box.checked && SOFT.includes(format), objects: only.box.checked && chosen ? [chosen.id] : null })).number;
      show();
    } catch (error) {
      state.replaceChildren(h('span', { class: 'error-line', text: /** @type {Error} */ (error).message }));
    }
  };
  const show = () => {
    soft.label.hidden = !SOFT.includes(format);
    const job = store.state.exporting?.number === mine ? store.state.exporting : null;
    const running = mine !== null && (!job || ['waiting', 'running'].includes(job.state));
    if (running) {
      const bar = h('div', { class: `progress${job?.total ? '' : ' unknown'}`, role: 'progressbar', 'aria-valuenow': job?.done ?? 0, 'aria-valuemax': job?.total ?? 0 }, h('span'));
      bar.style.setProperty('--done', `${job?.total ? (100 * job.done) / job.total : 0}%`);
      state.replaceChildren(h('span', { text: job?.total ? `${job.done} of ${job.total}${job.left !== null ? ` · ${about(job.left)} left` : ''}` : 'Starting' }), bar);
      buttons.replaceChildren(h('button', { type: 'button', class: 'button', text: 'Cancel', on: { click: () => mine !== null && void actions.api.cancelExport(mine).catch((/** @type {Error} */ e) => actions.say(e.message, 'error')) } }));
      return;
    }
    const over = job?.state;
    const note =
      over === 'failed' ? h('span', { class: 'error-line', text: job.message })
      : over === 'stopped' ? h('span', { text: 'Cancelled. Nothing was kept.' })
      : over === 'done' ? h('span', { text: `${job.result.name} · ${size(job.result.bytes)}` })
      : h('span', { text: masks < project.frames ? `${masks} of ${project.frames} frames have masks${marks.size ? '; pending marks are not part of them' : ''}.` : `All ${project.frames} frames have masks${marks.size ? '; pending marks are not part of them' : ''}.` });
    state.replaceChildren(note);
    buttons.replaceChildren(
      ...(over === 'done'
        ? [h('a', { class: 'button primary', href: actions.api.exported(job.number), download: job.result.name, html: icon('import'), id: 'download' }, 'Download')]
        : [h('button', { type: 'button', class: 'button primary', id: 'start-export', disabled: masks === 0, html: icon('export'), on: { click: () => void start() } }, 'Export')]),
    );
  };
  openDialog('Export', [formats, h('div', { class: 'row options-row' }, only.label, soft.label), h('div', { class: 'dialog-foot' }, state, buttons)], { onClose: () => unwatch() });
  const unwatch = store.watch(['exporting'], show);
}

/** @param {number} bytes */
function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** power).toFixed(power > 1 ? 1 : 0)} ${units[power]}`;
}
