// Commit, Propagate, and how far the model is.

import { about, byId, h, plural } from '../dom.js';
import { icon } from '../icons.js';
import { openMenu } from '../menu.js';

const TITLES = /** @type {Record<string, string>} */ ({ commit: 'Making masks', propagate: 'Propagating', erase: 'Deleting', import: 'Importing masks' });

/** @param {import('../store.js').Store} store @param {import('../actions.js').Actions} actions */
export function setUpWork(store, actions) {
  const [commit, propagate, more, split, note, holder] = [byId('commit'), byId('propagate'), byId('propagate-more'), byId('propagating'), byId('work-note'), byId('job')];
  more.innerHTML = icon('more');
  more.addEventListener('click', () => {
    const { frame, interacted, project } = store.state;
    const last = project.frames - 1;
    openMenu(more, [
      { text: 'Forwards from here', icon: 'next', disabled: frame === last, run: () => void actions.propagate([frame, last]) },
      { text: 'Backwards from here', icon: 'previous', disabled: frame === 0, run: () => void actions.propagate([0, frame]) },
      { text: 'All frames', icon: 'spread', run: () => void actions.propagate([0, last]) },
      null,
      { text: `Unmark frame ${frame}`, icon: 'close', disabled: !interacted.has(frame), run: () => actions.unmark(frame) },
    ]);
  });
  commit.innerHTML = `${icon('check')}<span class="label"></span><kbd aria-hidden="true">Enter</kbd>`;
  propagate.innerHTML = `${icon('spread')}<span class="label"></span><kbd aria-hidden="true">P</kbd>`;
  commit.addEventListener('click', () => void actions.commit());
  propagate.addEventListener('click', () => void actions.propagate());
  store.watch(['onlyThis', 'object', 'objects', 'marks', 'interacted', 'range', 'job', 'model', 'modelMessage', 'frame', 'present'], () => {
    const { marks, interacted, range, job, model, modelMessage, frame, present, onlyThis } = store.state;
    const chosen = store.state.objects.find((/** @type {any} */ o) => o.id === store.state.object);
    const masks = present.filter((/** @type {number[]|null} */ ids) => ids !== null).length;
    const count = [...marks.values()].reduce((sum, list) => sum + list.length, 0);
    const busy = job && ['running', 'waiting'].includes(job.state) ? job.kind : '';
    commit.disabled = !count || busy === 'commit' || model === 'failed';
    commit.querySelector('.label').textContent = onlyThis && chosen ? `Commit ${chosen.name}` : 'Commit scribbles';
    commit.title = count ? `Make masks from ${plural(count, 'mark')} on ${plural(marks.size, 'frame')}` : 'Draw on a frame first';
    propagate.disabled = more.disabled = !interacted.size || Boolean(busy) || model === 'failed';
    propagate.querySelector('.label').textContent = `Propagate${onlyThis && chosen ? ` ${chosen.name}` : ''}${range ? ` ${range[0]} to ${range[1]}` : ''}`;
    propagate.title = interacted.size ? `From frame ${frame} outwards` : 'Commit scribbles first';
    note.textContent =
      model === 'failed' ? modelMessage
      : model === 'loading' ? 'The model is loading; you can draw already.'
      : count ? `${plural(count, 'mark')} on ${plural(marks.size, 'frame')}`
      : interacted.size ? `${plural(interacted.size, 'marked frame')} · masks on ${masks === present.length ? `all ${masks}` : `${masks} of ${present.length}`}` : '';
    note.classList.toggle('error-line', model === 'failed');
  });
  store.watch(['job', 'halting', 'connection'], () => {
    const { job, halting, connection } = store.state;
    const shown = job && (['running', 'waiting'].includes(job.state) || job.result?.paused);
    holder.hidden = !shown;
    split.hidden = note.hidden = Boolean(shown); // the card takes their place, so that nothing jumps
    if (shown) renderJob(holder, job, actions, connection === 'offline' ? 'The server does not answer' : job.state === 'running' || job.state === 'waiting' ? (halting.get(job.number) ?? '') : '', connection === 'online');
    else holder.replaceChildren();
  });
}

/**
 * @param {HTMLElement} holder @param {import('../store.js').Job} job @param {import('../actions.js').Actions} actions
 * @param {string} instead what to say in place of what is being done @param {boolean} alive whether anything may spin
 */
function renderJob(holder, job, actions, instead, alive) {
  const paused = Boolean(job.result?.paused);
  const known = job.total > 1;
  let card = /** @type {HTMLElement|null} */ (holder.firstElementChild);
  const title = instead || (paused ? 'Paused' : (TITLES[job.kind] ?? job.title));
  const spins = alive && !(paused && !instead);
  const shape = `${job.number}:${job.kind}:${paused}:${title}:${spins}`;
  if (card?.dataset.shape !== shape) {
    card = h(
      'div',
      { class: 'job', data: { shape } },
      h(
        'div',
        { class: 'job-head' },
        spins && h('span', { class: 'spinner', 'aria-hidden': 'true' }),
        h('strong', { text: title, title }),
        job.kind === 'propagate' && !instead &&
          h('button', { type: 'button', id: 'pause', class: 'tool-button', 'aria-label': paused ? 'Go on' : 'Pause', title: `${paused ? 'Go on' : 'Pause'} (Shift+P)`, html: icon(paused ? 'play' : 'pause'), on: { click: () => actions.pauseOrResume() } }),
        job.kind !== 'commit' && !instead && h('button', { type: 'button', id: 'stop', class: 'tool-button', 'aria-label': 'Stop', title: 'Stop: frames done so far are kept (Esc)', html: icon('stop'), on: { click: () => actions.stop() } }),
      ),
      h('div', { class: 'progress', role: 'progressbar', 'aria-label': TITLES[job.kind] ?? job.title, 'aria-valuemin': 0 }, h('span')),
      h('small'),
    );
    holder.replaceChildren(card);
  }
  const bar = /** @type {HTMLElement} */ (card.querySelector('.progress'));
  bar.classList.toggle('unknown', !known && spins);
  bar.style.setProperty('--done', `${known ? (100 * job.done) / job.total : 0}%`);
  bar.setAttribute('aria-valuemax', String(job.total));
  bar.setAttribute('aria-valuenow', String(job.done));
  const small = /** @type {HTMLElement} */ (card.querySelector('small'));
  small.textContent = job.state === 'waiting' ? 'Waits for its turn' : known ? `${job.done} of ${plural(job.total, 'frame')}${job.left !== null && !paused && !instead ? ` · ${about(job.left)} left` : ''}` : alive ? 'One moment' : 'What is done is kept';
}
