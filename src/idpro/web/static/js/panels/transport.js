// Playing, stepping, the frame's number, the range, and the next frame to mark.

import { byId, clock, h } from '../dom.js';
import { icon } from '../icons.js';

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpTransport(store, actions) {
  const button = (/** @type {import('../icons.js').IconName} */ name, /** @type {string} */ label, /** @type {() => void} */ run, /** @type {string} */ more = '') =>
    h('button', { type: 'button', class: `tool-button ${more}`, 'aria-label': label, title: label, html: icon(name), on: { click: run } });
  const play = button('play', 'Play (Space)', () => actions.player?.toggle(), 'play');
  const number = /** @type {HTMLInputElement} */ (
    h('input', {
      type: 'text', inputmode: 'numeric', id: 'frame-number', 'aria-label': 'Frame', autocomplete: 'off',
      on: {
        focus: () => number.select(),
        change: () => go(),
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === 'Enter' || event.key === 'Escape') number.blur();
        },
      },
    })
  );
  const go = () => {
    const frame = Number.parseInt(number.value, 10);
    if (Number.isInteger(frame)) actions.seek(frame);
    show();
  };
  const name = h('span', { class: 'frame-name optional first-to-go', id: 'frame-name' });
  const [total, time, range] = [h('span'), h('span', { class: 'optional first-to-go faint' }), h('span')];
  const speed = /** @type {HTMLSelectElement} */ (
    h('select', { 'aria-label': 'Speed', title: 'Speed', class: 'optional first-to-go', on: { change: () => store.set({ speed: Number(speed.value) }) } },
      ...[0.25, 0.5, 1, 2].map((s) => h('option', { value: s, selected: s === 1, text: `${s}×` })))
  );
  const next = h('button', { type: 'button', id: 'next-to-mark', class: 'button', 'aria-label': 'Next frame to mark', title: 'Next frame to mark: where the model is least sure (N)', html: icon('target'), on: { click: () => void actions.nextToMark() } }, h('span', { class: 'label', text: 'Next frame to mark' }));
  byId('transport').append(
    button('first', 'First frame (Home)', () => actions.seek(0), 'optional'),
    button('previous', 'One frame back (←)', () => actions.stepFrames(-1)),
    play,
    button('next', 'One frame on (→)', () => actions.stepFrames(1)),
    button('last', 'Last frame (End)', () => actions.seek(Infinity), 'optional'),
    h('label', { class: 'frame-field' }, number, total),
    name,
    time,
    speed,
    h('span', { class: 'spacer' }),
    range,
    next,
  );
  const show = () => {
    const { frame, project, playing } = store.state;
    if (!project) return;
    if (document.activeElement !== number) number.value = String(frame);
    number.value = document.activeElement === number && !playing ? number.value : String(frame);
    total.textContent = project.frames > 1 ? `/ ${project.frames - 1}` : 'the only frame';
    name.textContent = name.title = project.names?.[frame] ?? '';
    time.textContent = clock(frame / project.fps, true);
  };
  store.watch(['frame', 'project'], show);
  store.watch(['playing'], () => {
    play.innerHTML = icon(store.state.playing ? 'pause' : 'play');
    play.setAttribute('aria-label', store.state.playing ? 'Pause (Space)' : 'Play (Space)');
  });
  store.watch(['range'], () => {
    const { range: r } = store.state;
    range.replaceChildren(
      ...(r ? [h('span', { class: 'range-chip' }, h('span', { class: 'word', text: 'Frames ' }), `${r[0]} to ${r[1]}`, h('button', { type: 'button', class: 'tool-button', 'aria-label': 'No range', title: 'No range (X)', html: icon('close'), on: { click: () => actions.clearRange() } }))] : []),
    );
  });
  store.watch(['interacted'], () => {
    /** @type {HTMLButtonElement} */ (next).disabled = store.state.interacted.size === 0;
  });
}
