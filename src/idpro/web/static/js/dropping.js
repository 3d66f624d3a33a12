// Files and folders dropped anywhere on the page, and what of them can be opened.

import { byId } from './dom.js';

const IMAGES = /\.(png|jpe?g|jfif|bmp|tiff?|webp|gif|jp2|avif|tga|p[pgn]m)$/i;
const RUBBISH = /^(\.|thumbs\.db$|desktop\.ini$)/i;

/** @typedef {{name: string, files: File[], left: string}} Clip what becomes one video; `left`: a sentence about what does not come along, or empty */

/** @param {(files: File[]) => void} dropped */
export function listenForDrops(dropped) {
  const veil = byId('drop-veil');
  const hasFiles = (/** @type {DragEvent} */ event) => Boolean(event.dataTransfer?.types.includes('Files'));
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (!veil.matches(':popover-open')) veil.showPopover();
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidePopover();
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidePopover();
    void collect(/** @type {DataTransfer} */ (event.dataTransfer)).then(dropped);
  });
}

/** All files of what was dropped, folders opened; the entries must be taken before the event is over. @param {DataTransfer} transfer @returns {Promise<File[]>} */
async function collect(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  /** @type {File[]} */
  const files = [];
  for (const item of items) {
    if (item instanceof File) files.push(item);
    else if (item) files.push(...(await filesOf(item)));
  }
  return files;
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    const path = entry.fullPath.replace(/^\//, '');
    if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
    return [/** @type {File} */ (file)];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const inner of some) files.push(...(await filesOf(inner)));
  }
}

/**
 * Files as clips: images of one folder are one clip, every other file is one of its own.
 * @param {File[]} files @returns {Clip[]}
 */
export function clips(files) {
  const wanted = files.filter((f) => !RUBBISH.test(f.name));
  const images = wanted.filter((f) => IMAGES.test(f.name));
  const others = wanted.filter((f) => !IMAGES.test(f.name));
  /** @type {Map<string, File[]>} */
  const folders = new Map();
  for (const image of images) {
    const folder = image.webkitRelativePath.split('/').slice(0, -1).join('/');
    folders.set(folder, [...(folders.get(folder) ?? []), image]);
  }
  const ofImages = [...folders].map(([folder, list]) => ({ name: list.length === 1 ? list[0].name : folder.split('/').at(-1) || 'images', files: list }));
  const sequence = ofImages.some(({ files: list }) => list.length > 1);
  const videos = others.filter((f) => !sequence || /^video\//.test(f.type)).map((f) => ({ name: f.name, files: [f] }));
  const found = videos.length && !sequence ? videos : [...ofImages, ...videos];
  const taken = found.reduce((sum, clip) => sum + clip.files.length, 0);
  const left = wanted.length - taken;
  return found.map((clip) => ({ ...clip, left: left ? `${left} of ${wanted.length} files beside the video or the images were left out.` : '' }));
}
