// Shortcuts: one table that acts and that the "?" sheet shows.

import { TOOLS } from './tools.js';

/** @typedef {import('./actions.js').Actions} Actions */
/** @typedef {{keys: string[], text: string, group: string, run: (event: KeyboardEvent) => void, repeat?: boolean}} Shortcut */

/** @param {Actions} actions @param {import('./pointer.js').Pointer} pointer @returns {Shortcut[]} */
export function shortcuts(actions, pointer) {
  const { store } = actions;
  const stage = () => /** @type {import('./stage.js').Stage} */ (actions.stage);
  return [
    { group: 'Time', keys: ['Space'], text: 'Play or pause', run: () => actions.player?.toggle() },
    { group: 'Time', keys: ['ArrowLeft'], text: 'One frame back', run: () => actions.stepFrames(-1), repeat: true },
    { group: 'Time', keys: ['ArrowRight'], text: 'One frame on', run: () => actions.stepFrames(1), repeat: true },
    { group: 'Time', keys: ['Shift+ArrowLeft'], text: 'Ten frames back', run: () => actions.stepFrames(-10), repeat: true },
    { group: 'Time', keys: ['Shift+ArrowRight'], text: 'Ten frames on', run: () => actions.stepFrames(10), repeat: true },
    { group: 'Time', keys: ['Home'], text: 'First frame', run: () => actions.seek(0) },
    { group: 'Time', keys: ['End'], text: 'Last frame', run: () => actions.seek(Infinity) },
    { group: 'Time', keys: [','], text: 'Previous marked frame', run: () => actions.seekMarked(-1) },
    { group: 'Time', keys: ['.'], text: 'Next marked frame', run: () => actions.seekMarked(1) },
    { group: 'Time', keys: ['N'], text: 'Next frame to mark (where the model is least sure)', run: () => void actions.nextToMark() },
    { group: 'Time', keys: ['I'], text: 'Range starts here', run: () => actions.setRange('start') },
    { group: 'Time', keys: ['O'], text: 'Range ends here', run: () => actions.setRange('end') },
    { group: 'Time', keys: ['X'], text: 'No range', run: () => actions.clearRange() },

    { group: 'Model', keys: ['Enter'], text: 'Commit scribbles (or close the polygon)', run: () => void (pointer.unfinished('finish') || actions.commit()) },
    { group: 'Model', keys: ['P'], text: 'Propagate from here', run: () => void actions.propagate() },
    { group: 'Model', keys: ['Shift+P'], text: 'Pause or go on propagating', run: () => actions.pauseOrResume() },
    {
      group: 'Model',
      keys: ['Escape'],
      text: 'Give up the stroke being drawn, else stop the model',
      run: () => {
        if (pointer.abandon()) return;
        if (store.state.attention || store.state.selected) store.set({ attention: null, selected: null });
        else if (['running', 'waiting'].includes(store.state.job?.state)) actions.stop();
      },
    },
    { group: 'Model', keys: ['Ctrl+Z'], text: 'Undo', run: () => actions.undo(), repeat: true },
    { group: 'Model', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], text: 'Redo', run: () => actions.redo(), repeat: true },

    ...TOOLS.map(({ id, key, name }) => ({ group: 'Tools', keys: [key], text: name, run: () => actions.setTool(id) })),
    { group: 'Tools', keys: ['['], text: 'Thinner', run: () => actions.changeWidth(-1), repeat: true },
    { group: 'Tools', keys: [']'], text: 'Thicker', run: () => actions.changeWidth(1), repeat: true },
    { group: 'Tools', keys: ['Delete', 'Backspace'], text: 'Delete the selected mark', run: () => void (pointer.unfinished('stepBack') || actions.deleteSelected()) },

    ...Array.from({ length: 9 }, (_, i) => ({
      group: 'Objects', keys: [String(i + 1)], text: i ? '' : 'Choose an object by its number (two digits quickly: 10 and more)', run: () => void actions.chooseByDigit(i + 1),
    })),
    {
      group: 'Objects', keys: ['0'], text: 'Background stroke',
      run: () => {
        const twoDigits = performance.now() - actions.typed.at < 800 && store.state.objects.some((/** @type {any} */ o) => o.id === actions.typed.number * 10);
        if (twoDigits) actions.chooseByDigit(0);
        else actions.setTool('background');
      },
    },
    { group: 'Objects', keys: ['Shift+N'], text: 'New object', run: () => void actions.addObject() },
    { group: 'Objects', keys: ['Shift+A'], text: 'The object is absent on this frame', run: () => store.state.object && actions.markAbsent(store.state.object) },

    { group: 'Objects', keys: ['Shift+L'], text: 'Lock or unlock the object', run: () => actions.toggleObject('locked') },
    { group: 'Objects', keys: ['Shift+O'], text: 'Commit and propagate the chosen object alone', run: () => store.set({ onlyThis: !store.state.onlyThis }) },
    { group: 'Objects', keys: ['Shift+H'], text: 'Hide or show the object', run: () => actions.toggleObject('hidden') },
    { group: 'Objects', keys: ['Shift+C'], text: 'Copy its mask to the next frame', run: () => void actions.copyMask(1) },
    { group: 'Objects', keys: ['Shift+M'], text: 'The menu of the object', run: () => actions.dialogs.objectMenu?.() },

    { group: 'View', keys: ['T'], text: 'Masks on or off', run: () => actions.setView({ mode: store.state.view.mode === 'off' ? 'overlay' : 'off' }) },
    { group: 'View', keys: ['S'], text: 'Only the chosen object', run: () => actions.setView({ mode: store.state.view.mode === 'object' ? 'overlay' : 'object' }) },
    { group: 'View', keys: ['Shift+V'], text: 'Next way of looking', run: () => actions.cycleMode() },
    { group: 'View', keys: ['L'], text: 'Outlines', run: () => actions.setView({ outline: !store.state.view.outline }) },
    { group: 'View', keys: ['K'], text: 'Marks on or off', run: () => actions.setView({ marks: !store.state.view.marks }) },
    { group: 'View', keys: ['W'], text: 'Live preview on or off', run: () => actions.setView({ preview: !store.state.view.preview }) },
    { group: 'View', keys: ['Q'], text: 'Before the last round, or after', run: () => actions.setView({ before: !store.state.view.before }) },
    { group: 'View', keys: ['+', '='], text: 'Zoom in', run: () => stage().viewport.zoom(1.25), repeat: true },
    { group: 'View', keys: ['-'], text: 'Zoom out', run: () => stage().viewport.zoom(0.8), repeat: true },
    { group: 'View', keys: ['F'], text: 'Fit the picture', run: () => stage().viewport.fit() },
    { group: 'View', keys: ['Shift+F'], text: 'The whole timeline', run: () => actions.timeline?.fit() },
    { group: 'View', keys: ['?'], text: 'This sheet', run: () => actions.dialogs.shortcuts?.() },
    { group: 'View', keys: ['Ctrl+O'], text: 'Open a video', run: () => actions.dialogs.home?.() },
    { group: 'View', keys: ['Ctrl+E'], text: 'Export', run: () => actions.dialogs.export?.() },
    { group: 'View', keys: ['Ctrl+I'], text: 'Import masks', run: () => actions.dialogs.import?.() },
  ];
}

/** The name of what was pressed, as in the table. @param {KeyboardEvent} event */
export function pressed(event) {
  const key = event.code === 'Space' ? 'Space' : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const digit = event.code.startsWith('Digit') && !event.shiftKey ? event.code.slice(5) : null;
  const symbol = /^[^A-Z0-9]$/.test(key) && key !== ' ';
  return [event.ctrlKey || event.metaKey ? 'Ctrl+' : '', event.shiftKey && !symbol ? 'Shift+' : '', digit ?? key].join('');
}

/** @param {Shortcut[]} table */
export function listen(table) {
  const byKey = new Map(table.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])));
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.matches('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]');
    if (typing || event.altKey || document.querySelector('dialog[open]')) return;
    const name = pressed(event);
    const onControl = target.matches('button, [role=slider], [role=menuitem], input, summary, a');
    if (onControl && (name === 'Space' || name === 'Enter')) return;
    if (target.matches('input[type=range]') && name.startsWith('Arrow')) return;
    const shortcut = /** @type {Shortcut|undefined} */ (byKey.get(name));
    if (!shortcut || (event.repeat && !shortcut.repeat)) return;
    event.preventDefault();
    shortcut.run(event);
  });
}
