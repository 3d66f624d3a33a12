// Masks for the open video, from files.

import { h, plural } from '../dom.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

/** @param {import('../store.js').Project} project @param {import('../api.js').ProjectApi} api @param {(message: string, kind?: string) => void} say */
export function openImport(project, api, say) {
  const input = /** @type {HTMLInputElement} */ (
    h('input', { type: 'file', hidden: true, accept: 'image/png,.png', multiple: true, on: { change: () => { dialog.close(); void importMasks([...(input.files ?? [])], project, api, say); } } })
  );
  const dialog = openDialog('Import masks', [
    h('p', { text: `Palette PNG, pixel = object id. ${howToName(project)}. Their frames count as marked; Ctrl+Z takes the import back.` }),
    h('div', { class: 'row dialog-foot' }, h('button', { type: 'button', class: 'button primary', html: icon('import'), on: { click: () => input.click() } }, 'Choose masks'), input),
  ]);
}

/** How a mask is named, so that it is known whose it is. @param {import('../store.js').Project} project */
function howToName({ names, frames }) {
  return names ? `Name each mask like its picture, such as ${names[0]}.png` : `Name each mask by its frame, from 00000.png to ${String(frames - 1).padStart(5, '0')}.png`;
}

/** The frame of a mask: that of its name and no other. @param {string} name @param {import('../store.js').Project} project */
function frameOf(name, project) {
  const stem = name.replace(/\.png$/i, '');
  const frame = project.names ? project.names.indexOf(stem) : /^\d+$/.test(stem) ? Number(stem) : -1;
  if (frame < 0 || frame >= project.frames) throw new Error(`it is the mask of no frame. ${howToName(project)}.`);
  return frame;
}

/** @param {File[]} files @param {import('../store.js').Project} project @param {import('../api.js').ProjectApi} api @param {(message: string, kind?: string) => void} say */
async function importMasks(files, project, api, say) {
  let staged = '';
  try {
    for (const file of files) {
      staged = file.name;
      await api.stageImport(frameOf(file.name, project), file);
    }
    staged = '';
    const { frames } = await api.finishImports();
    say(`${plural(frames, 'mask')} imported.`);
  } catch (error) {
    void api.dropImports().catch(() => undefined);
    say(`${staged ? `${staged}: ` : ''}${/** @type {Error} */ (error).message}`, 'error');
  }
}
