// The bar on top: undo, redo, how things stand, and the way to the dialogs.

import { byId, h, plural } from '../dom.js';
import { icon } from '../icons.js';

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpBar(store, actions) {
  const [undo, redo, status, app] = [byId('undo'), byId('redo'), byId('status'), byId('app')];
  undo.innerHTML = icon('undo');
  redo.innerHTML = icon('redo');
  undo.addEventListener('click', () => actions.undo());
  redo.addEventListener('click', () => actions.redo());
  byId('open-home').addEventListener('click', () => actions.dialogs.home());
  const help = byId('open-shortcuts');
  help.innerHTML = icon('help');
  help.title = 'Shortcuts (?)';
  help.setAttribute('aria-label', 'Shortcuts');
  help.addEventListener('click', () => actions.dialogs.shortcuts());
  const exporting = byId('open-export');
  exporting.innerHTML = `${icon('export')}<span class="label">Export</span>`;
  exporting.title = 'Export (Ctrl+E)';
  exporting.addEventListener('click', () => actions.dialogs.export());
  const importing = byId('open-import');
  importing.innerHTML = icon('import');
  importing.title = 'Import masks (Ctrl+I)';
  importing.setAttribute('aria-label', 'Import masks');
  importing.addEventListener('click', () => actions.dialogs.import());
  const panel = byId('toggle-panel');
  panel.innerHTML = icon('panel');
  panel.setAttribute('aria-label', 'Objects, marks and view');
  panel.addEventListener('click', () => {
    const open = app.dataset.panel !== 'true';
    app.dataset.panel = String(open);
    panel.setAttribute('aria-expanded', String(open));
  });

  store.watch(['history', 'project'], () => {
    const { history } = store.state;
    for (const [button, label, name, key] of /** @type {const} */ ([[undo, history.undo, 'Undo', 'Ctrl+Z'], [redo, history.redo, 'Redo', 'Ctrl+Shift+Z']])) {
      button.disabled = !label;
      button.title = label ? `${name} ${label} (${key})` : `Nothing to ${name.toLowerCase()}`;
      button.setAttribute('aria-label', label ? `${name} ${label}` : name);
    }
  });
  store.watch(['project'], () => {
    const { project } = store.state;
    app.dataset.open = String(Boolean(project));
    byId('project-name').textContent = project?.name ?? '';
    exporting.hidden = importing.hidden = !project;
    undo.hidden = redo.hidden = !project;
    document.title = project ? `${project.name} · IDPro` : 'IDPro';
  });
  store.watch(['exports'], () => {
    const running = store.state.exports.filter((/** @type {any} */ e) => ['waiting', 'running'].includes(e.state));
    const done = running.reduce((/** @type {number} */ sum, /** @type {any} */ e) => sum + (e.total ? e.done / e.total : 0), 0);
    exporting.querySelector('.label').textContent = running.length ? `Exporting ${Math.floor((100 * done) / running.length)} %` : 'Export';
  });
  store.watch(['connection', 'model', 'modelMessage', 'project', 'job', 'arrivals'], () => {
    const { connection, model, project, modelMessage } = store.state;
    const refused = actions.stage?.media?.frames.refused.size;
    const [lamp, text] =
      !project ? ['', '']
      : connection === 'offline' ? ['bad', 'Connecting to the server again…']
      : refused ? ['bad', `${plural(refused, 'frame')} cannot be read`]
      : model === 'failed' ? ['bad', 'No model']
      : model === 'loading' ? ['busy', 'Loading the model…']
      : ['', `${project.width}×${project.height} · ${plural(project.frames, 'frame')}`];
    status.replaceChildren(...(project ? [h('span', { class: `lamp ${lamp}`, title: modelMessage || text }), h('span', { class: 'status-text', text })] : []));
  });
}
