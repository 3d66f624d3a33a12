// Masks for the open video, from files.

import { h, plural } from '../dom.js';
import { icon } from '../icons.js';
import { openDialog } from './dialog.js';

/** @param {import('../api.js').ProjectApi} api @param {(message: string, kind?: string) => void} say */
export function openImport(api, say) {
  const input = /** @type {HTMLInputElement} */ (
    h('input', { type: 'file', hidden: true, accept: 'image/png,.png', multiple: true, on: { change: () => { dialog.close(); void importMasks([...(input.files ?? [])], api, say); } } })
  );
  const dialog = openDialog('Import masks', [
    h('p', { text: 'Palette PNG named by their frame (00012.png), pixel = object id. Their frames count as marked; Ctrl+Z takes the import back.' }),
    h('div', { class: 'row dialog-foot' }, h('button', { type: 'button', class: 'button primary', html: icon('import'), on: { click: () => input.click() } }, 'Choose masks'), input),
  ]);
}

/** Masks named by their frame's number. @param {File[]} files @param {import('../api.js').ProjectApi} api @param {(message: string, kind?: string) => void} say */
async function importMasks(files, api, say) {
  let staged = '';
  try {
    for (const file of files) {
      staged = file.name;
      const number = /(\d+)\.png$/i.exec(file.name);
      if (!number) throw new Error('its name does not say its frame. Name it like 00012.png.');
      await api.stageImport(Number(number[1]), file);
    }
    staged = '';
    const { frames } = await api.finishImports();
    say(`${plural(frames, 'mask')} imported.`);
  } catch (error) {
    void api.dropImports().catch(() => undefined);
    say(`${staged ? `${staged}: ` : ''}${/** @type {Error} */ (error).message}`, 'error');
  }
}
