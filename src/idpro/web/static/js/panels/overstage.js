// What lies over the picture: zoom, and what the frame is.

import { byId, h } from '../dom.js';
import { icon } from '../icons.js';

/** @param {import('../store.js').Store} store @param {import('../stage.js').Stage} stage */
export function setUpOverstage(store, stage) {
  const { viewport } = stage;
  const percent = h('output', { 'aria-label': 'Zoom' });
  const button = (/** @type {string} */ label, /** @type {string} */ inside, /** @type {() => void} */ run) =>
    h('button', { type: 'button', class: 'tool-button', 'aria-label': label, title: label, html: inside, on: { click: run } });
  const zoom = byId('zoom');
  zoom.append(h('div', { class: 'pill' }, button('Zoom out (-)', '−', () => viewport.zoom(0.8)), percent, button('Zoom in (+)', '+', () => viewport.zoom(1.25)), button('Fit (F)', icon('fit'), () => viewport.fit())));
  zoom.addEventListener('pointerdown', (/** @type {Event} */ event) => event.stopPropagation());
  store.watch(['zoom'], () => {
    percent.textContent = `${Math.round(store.state.zoom * 100)} %`;
  });
  const badges = byId('badges');
  const badge = (/** @type {string} */ text, /** @type {string} */ kind = '', /** @type {string} */ color = '') =>
    h('span', { class: `badge ${kind}`, style: color ? { '--object': color } : {} }, color && h('span', { class: 'dot' }), kind === 'working' && h('span', { class: 'spinner', 'aria-hidden': 'true' }), text);
  store.watch(['project', 'frame', 'interacted', 'view', 'marks', 'objects', 'object', 'versions', 'suggestions', 'attention', 'doubt', 'preview', 'working', 'arrivals', 'connection'], () => {
    const { project, frame, interacted, view, marks, objects, object, versions, suggestions, attention, doubt, working, connection } = store.state;
    if (!project) return badges.replaceChildren();
    const absent = (marks.get(frame) ?? []).filter((/** @type {any} */ m) => m.kind === 'absent').map((/** @type {any} */ m) => objects.find((/** @type {any} */ o) => o.id === m.object));
    const refused = stage.media?.frames.refused.get(frame);
    const matte = view.mode === 'matte' && stage.media ? stage.media.matteNote(frame, object, versions[frame]) : '';
    badges.replaceChildren(
      ...[
        refused && badge(`Frame ${frame} cannot be shown: ${refused}`, 'bad'),
        view.before && badge('Before the last round', 'accent'),
        ...(connection === 'online' ? Object.values(working).map((text) => badge(text, 'working')) : []),
        matte && badge(matte, matte.startsWith('Working') && connection === 'online' ? 'working' : ''),
        attention && badge(attention.images.has(frame) ? 'Attention of the clicked point' : 'Attention: see the marked frames', 'accent'),
        stage.previewed() && badge('Preview of this frame: Commit keeps it', '', 'var(--good)'),
        interacted.has(frame) && badge('Marked frame: propagation keeps it', '', 'var(--accent)'),
        suggestions.includes(frame) && !interacted.has(frame) && badge(Number.isNaN(doubt[frame]) ? 'Good frame to mark' : `Good frame to mark: doubt ${Math.round(doubt[frame] * 100)} %`, '', 'var(--warning)'),
        ...absent.map((/** @type {any} */ o) => o && badge(`${o.name} is absent here`, '', o.color)),
      ].filter(Boolean).map((b) => /** @type {Node} */ (b)),
    );
  });
}
