// Where one begins: drop a video, pick one that the server was started on, or go on with a recent one; and importing masks.

import { api } from '../api.js';
import { h, plural } from '../dom.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

const VIDEOS = '.mp4,.mov,.mkv,.webm,.avi,.m4v,.gif,video/*';

/** @param {(id: string) => void} open @param {boolean} closable @param {{importMasks?: (files: File[]) => void}} [more] */
export async function openHome(open, closable, more = {}) {
  const problem = h('p', { class: 'error-line', role: 'alert' });
  const state = h('div', { role: 'status' });
  const lists = h('div');
  const fail = (/** @type {unknown} */ error) => {
    problem.textContent = /** @type {Error} */ (error).message;
    state.replaceChildren();
  };
  const go = (/** @type {string} */ id) => {
    dialog.close();
    open(id);
  };
  const send = async (/** @type {File[]} */ files) => {
    problem.textContent = '';
    try {
      go(await upload(files, state));
    } catch (error) {
      if (/** @type {Error} */ (error).name === 'AbortError') state.replaceChildren();
      else fail(error);
    }
  };
  const file = picker({ accept: VIDEOS }, send);
  const folder = picker({ webkitdirectory: true, multiple: true }, send);
  const drop = h(
    'div',
    {
      class: 'drop',
      on: {
        dragover: (/** @type {DragEvent} */ event) => { event.preventDefault(); drop.classList.add('over'); },
        dragleave: () => drop.classList.remove('over'),
        drop: (/** @type {DragEvent} */ event) => { event.preventDefault(); drop.classList.remove('over'); void send([...(event.dataTransfer?.files ?? [])]); },
      },
    },
    h('strong', { text: 'Drop a video here' }),
    h('span', { text: 'MP4, MOV, MKV, WebM, GIF, or a folder of images. It stays on this computer.' }),
    h('div', { class: 'row' },
      h('button', { type: 'button', class: 'button primary', html: icon('film'), on: { click: () => file.click() } }, 'Choose a video'),
      h('button', { type: 'button', class: 'button', html: icon('folder'), on: { click: () => folder.click() } }, 'Choose a folder of images')),
    file, folder, state, problem,
  );
  const importer = picker({ accept: 'image/png,.png', multiple: true }, (files) => { dialog.close(); more.importMasks?.(files); });
  const dialog = openDialog('Open a video', [
    drop,
    lists,
    ...(more.importMasks
      ? [h('h2', { class: 'list-title', text: 'Masks for the open video' }), h('div', { class: 'row' }, h('button', { type: 'button', class: 'button', html: icon('import'), on: { click: () => importer.click() } }, 'Import masks'), h('span', { class: 'note', text: 'Palette PNG named by frame (00012.png).' }), importer)]
      : []),
  ], { closable });
  const refresh = async () => {
    const { sources, recent } = await api.home();
    lists.replaceChildren(
      ...(recent.length ? [h('h2', { class: 'list-title', text: 'Recent' }), h('div', { class: 'cards' }, ...recent.map((/** @type {any} */ p) => card(p, go, refresh, fail)))] : []),
      ...(sources.length ? [h('h2', { class: 'list-title', text: 'On this computer' }), ...sources.map((/** @type {any} */ s) => source(s, go, fail))] : []),
    );
  };
  await refresh().catch(fail);
}

/** @param {Record<string, any>} attributes @param {(files: File[]) => void} chosen */
function picker(attributes, chosen) {
  const input = /** @type {HTMLInputElement} */ (
    h('input', { type: 'file', hidden: true, ...attributes, on: { change: () => { if (input.files?.length) chosen([...input.files]); input.value = ''; } } })
  );
  return input;
}

/** @param {any} project @param {(id: string) => void} go @param {() => Promise<void>} refresh @param {(error: unknown) => void} fail */
function card(project, go, refresh, fail) {
  const sure = () => confirm(`Delete ${project.name} with all its marks and masks? The video it was made from stays.`);
  return h(
    'div',
    { class: 'card' },
    h('button', { type: 'button', class: 'open', data: { project: project.id }, on: { click: () => go(project.id) } },
      h('img', { src: `/api/projects/${project.id}/cover.jpg`, alt: '', loading: 'lazy' }),
      h('span', { class: 'text' }, h('b', { text: project.name }), h('small', { text: `${plural(project.frames, 'frame')} · ${ago(project.opened)}` }))),
    h('button', {
      type: 'button', class: 'tool-button remove', 'aria-label': `Delete ${project.name}`, title: 'Delete', html: icon('trash'),
      on: { click: () => sure() && void api.removeProject(project.id).then(refresh).catch(fail) },
    }),
  );
}

/** @param {any} source @param {(id: string) => void} go @param {(error: unknown) => void} fail */
function source(source, go, fail) {
  return h('button', { type: 'button', class: 'source', data: { source: source.number }, html: icon(source.folder ? 'folder' : 'film'), on: { click: () => void api.openSource(source.number).then(({ id }) => go(id)).catch(fail) } },
    h('span', { text: source.name }), h('small', { text: source.folder ? 'images' : '' }));
}

/** @param {File[]} files @param {HTMLElement} state @returns {Promise<string>} the project's id */
async function upload(files, state) {
  const images = files.filter((f) => /\.(png|jpe?g|bmp|tiff?|webp)$/i.test(f.name));
  const chosen = files.length === 1 ? files : images;
  if (!chosen.length) throw new Error('There is nothing to open: choose one video file, or a folder of images.');
  const name = files.length === 1 ? files[0].name : (files[0].webkitRelativePath.split('/')[0] || 'images');
  const abort = new AbortController();
  const total = chosen.reduce((sum, f) => sum + f.size, 0);
  const bar = h('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Upload', style: { width: '260px' } }, h('span'));
  const cancel = h('button', { type: 'button', class: 'small-button', text: 'Cancel', on: { click: () => abort.abort() } });
  state.replaceChildren(h('div', { class: 'row' }, bar, cancel));
  const { upload: id } = await api.beginUpload(name);
  try {
    let sent = 0;
    for (const file of chosen) {
      await api.uploadFile(id, file.name, file, (now) => bar.style.setProperty('--done', `${total ? (100 * (sent + now)) / total : 100}%`), abort.signal);
      sent += file.size;
    }
    cancel.remove();
    return (await api.finishUpload(id)).id;
  } catch (error) {
    await api.dropUpload(id).catch(() => undefined);
    throw error;
  }
}

/** @param {number} at seconds since 1970 */
function ago(at) {
  const minutes = (Date.now() / 1000 - at) / 60;
  if (minutes < 2) return 'just now';
  if (minutes < 90) return `${Math.round(minutes)} min ago`;
  if (minutes < 36 * 60) return `${Math.round(minutes / 60)} h ago`;
  return new Date(at * 1000).toLocaleDateString();
}
