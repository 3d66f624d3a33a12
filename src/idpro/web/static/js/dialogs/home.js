// Where one begins: drop a video, pick one that the server was started on, or go on with a recent one.

import { api } from '../api.js';
import { h, plural } from '../dom.js';
import { clips } from '../dropping.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

const RECENT = 6; // cards shown before "Show all"

/** @param {(id: string) => void} open @param {boolean} closable @param {File[]} [given] files to open at once */
export async function openHome(open, closable, given = []) {
  const problem = h('p', { class: 'error-line', role: 'alert' });
  const state = h('div', { role: 'status' });
  const lists = h('div');
  const abort = new AbortController();
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
      const found = clips(files);
      if (!found.length) throw new Error('There is nothing to open: choose a video file, or a folder of images.');
      let first = '';
      for (const [i, clip] of found.entries()) {
        const id = await upload(clip, state, abort, found.length > 1 ? `${i + 1} of ${found.length}: ${clip.name}` : clip.name);
        first ||= id;
      }
      go(first);
    } catch (error) {
      if (/** @type {Error} */ (error).name === 'AbortError') state.replaceChildren();
      else fail(error);
      void refresh();
    }
  };
  const file = picker({ multiple: true }, send);
  const folder = picker({ webkitdirectory: true, multiple: true }, send);
  const drop = h(
    'div',
    { class: 'drop' },
    h('strong', { text: 'Drop a video here' }),
    h('span', { text: 'A video, several, or a folder of images: anywhere on the page. It stays on this computer.' }),
    h('div', { class: 'row' },
      h('button', { type: 'button', class: 'button primary', html: icon('film'), on: { click: () => file.click() } }, 'Choose a video'),
      h('button', { type: 'button', class: 'button', html: icon('folder'), on: { click: () => folder.click() } }, 'Choose a folder of images')),
    file, folder, state, problem,
  );
  const dialog = openDialog('Open a video', [drop, lists], { closable });
  let all = false;
  const refresh = async () => {
    const { sources, recent } = await api.home();
    const search = /** @type {HTMLInputElement} */ (h('input', { type: 'search', class: 'search', placeholder: 'Search', 'aria-label': 'Search projects', on: { input: () => fill() } }));
    const cards = h('div', { class: 'cards' });
    const more = h('button', { type: 'button', class: 'button wide', on: { click: () => { all = true; fill(); } } });
    const fill = () => {
      const word = search.value.trim().toLowerCase();
      const fitting = recent.filter((/** @type {any} */ p) => p.name.toLowerCase().includes(word));
      const shown = all || word ? fitting : fitting.slice(0, RECENT);
      cards.replaceChildren(...shown.map((/** @type {any} */ p) => card(p, go, refresh, fail)));
      more.hidden = shown.length === fitting.length;
      more.textContent = `Show all ${fitting.length}`;
    };
    fill();
    lists.replaceChildren(
      ...(sources.length ? [h('h3', { class: 'list-title', text: 'On this computer' }), h('div', { class: 'sources' }, ...sources.map((/** @type {any} */ s) => source(s, go, fail)))] : []),
      ...(recent.length ? [h('div', { class: 'list-head' }, h('h3', { class: 'list-title', text: 'Recent' }), recent.length > RECENT && search), cards, more] : []),
    );
  };
  await refresh().catch(fail);
  if (given.length) await send(given);
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
  const picture = h('img', { src: `/api/projects/${project.id}/cover.jpg`, alt: '', loading: 'lazy', on: { error: () => picture.classList.add('none') } });
  const place = project.place ? `${project.place}` : '';
  return h(
    'div',
    { class: 'card' },
    h('button', { type: 'button', class: 'open', title: place, data: { project: project.id }, on: { click: () => go(project.id) } },
      picture,
      h('span', { class: 'text' }, h('b', { text: project.name }), h('small', { text: [plural(project.frames, 'frame'), ago(project.opened)].join(' · ') }), place && h('small', { class: 'place', text: place }))),
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

/** @param {import('../dropping.js').Clip} clip @param {HTMLElement} state @param {AbortController} abort @param {string} title @returns {Promise<string>} the project's id */
async function upload(clip, state, abort, title) {
  const total = clip.files.reduce((sum, f) => sum + f.size, 0);
  const bar = h('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Upload', style: { width: '260px' } }, h('span'));
  const cancel = h('button', { type: 'button', class: 'small-button', text: 'Cancel', on: { click: () => abort.abort() } });
  state.replaceChildren(h('p', { text: [title, clip.left].filter(Boolean).join('. ') }), h('div', { class: 'row' }, bar, cancel));
  const { upload: id } = await api.beginUpload(clip.name);
  try {
    let sent = 0;
    for (const file of clip.files) {
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
