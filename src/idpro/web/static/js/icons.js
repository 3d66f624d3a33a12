// The icons: 20 x 20, drawn with strokes in the current colour.

const paths = {
  brush: '<path d="M16.6 3.4a1.6 1.6 0 0 0-2.3 0L8 9.7l2.3 2.3 6.3-6.3a1.6 1.6 0 0 0 0-2.3Z"/><path d="M7.2 11c-1.7 0-2.5 1.2-2.6 2.6-.1 1.200-.7 2-1.800 2.500 1 .7 2.300 1 3.600.8 1.800-.2 2.900-1.500 2.900-3.100 0-1.600-.9-2.800-2.100-2.800Z"/>',
  background: '<path d="M3.500 12.500c2-5 4 3.500 6.500-2s4.500 2 6.500-3"/><path d="M4 4l12 12" stroke-width="1.3" stroke-dasharray="2 2"/>',
  eraser: '<path d="m8.200 16.500 8-8a1.500 1.500 0 0 0 0-2.100l-2.600-2.600a1.500 1.500 0 0 0-2.100 0l-8 8a1.500 1.500 0 0 0 0 2.100l2.600 2.600h2.100Z"/><path d="m7.500 7.800 4.700 4.700M8.200 16.500H17"/>',
  click: '<circle cx="10" cy="10" r="2.200" fill="currentColor"/><circle cx="10" cy="10" r="6.500"/><path d="M10 1.500v3M10 15.500v3M1.500 10h3M15.500 10h3"/>',
  box: '<rect x="3.500" y="4.500" width="13" height="11" rx="1" stroke-dasharray="3 2"/><path d="M3.500 7.500v-3h3M16.500 12.500v3h-3" stroke-width="2"/>',
  paint: '<path d="M4 9.500 9.500 4l6 6-5.500 5.500a1.500 1.500 0 0 1-2.100 0L4 11.600a1.500 1.500 0 0 1 0-2.100Z" fill="currentColor" fill-opacity=".25"/><path d="m7.500 2 2 2M16.800 12.800c.9 1.300 1.400 2 1.400 2.700a1.500 1.500 0 0 1-3 0c0-.7.600-1.400 1.600-2.700Z" />',
  lasso: '<path d="M4 11.5C2.5 8 5.500 3.500 10.500 3.500S18 6.500 17 10s-6 5-9.500 3.500"/><circle cx="6" cy="13" r="2"/><path d="M6 15c.3 1.500-.5 2.500-2 2.500"/>',
  polygon: '<path d="M4 7.500 10.500 3.500l6 5-3 8H6L4 7.500Z" stroke-linejoin="miter"/><circle cx="4" cy="7.500" r="1.300" fill="currentColor"/><circle cx="10.500" cy="3.500" r="1.300" fill="currentColor"/><circle cx="16.500" cy="8.500" r="1.300" fill="currentColor"/><circle cx="13.500" cy="16.500" r="1.300" fill="currentColor"/><circle cx="6" cy="16.500" r="1.300" fill="currentColor"/>',
  hand: '<path d="M6.500 10V5.200a1.200 1.200 0 0 1 2.400 0V9 3.700a1.200 1.200 0 0 1 2.400 0V9 4.700a1.200 1.200 0 0 1 2.400 0V10 7a1.200 1.200 0 0 1 2.300 0v5c0 3-1.900 5.500-5 5.500-2.300 0-3.500-.9-4.600-2.600L3.600 11.200a1.200 1.200 0 0 1 2-1.300l.9 1.300"/>',
  attention: '<circle cx="5" cy="14" r="2"/><circle cx="15" cy="5" r="2"/><circle cx="15.500" cy="14.500" r="1.500"/><path d="M6.500 12.600 13.500 6.300M7 14h6.800M5 12V9.500"/>',
  select: '<path d="M5 3.500 15.500 10l-4.700 1.300L8.300 16 5 3.500Z"/>',
  undo: '<path d="M7 4 3.500 7.500 7 11"/><path d="M4 7.500h7.500a4.500 4.500 0 0 1 0 9H8"/>',
  redo: '<path d="M13 4l3.500 3.500L13 11"/><path d="M16 7.500H8.500a4.500 4.500 0 0 0 0 9H12"/>',
  play: '<path d="M6 4v12l10-6L6 4Z" fill="currentColor"/>',
  pause: '<path d="M6.500 4.500v11M13.500 4.500v11" stroke-width="3"/>',
  stop: '<rect x="5" y="5" width="10" height="10" rx="1.500" fill="currentColor"/>',
  next: '<path d="M7.500 4.500 13 10l-5.500 5.500"/>',
  previous: '<path d="M12.500 4.500 7 10l5.500 5.500"/>',
  first: '<path d="M14 4.500 8.500 10l5.500 5.500M5.500 4.500v11"/>',
  last: '<path d="M6 4.500 11.500 10 6 15.500M14.500 4.500v11"/>',
  eye: '<path d="M2 10s3-5.500 8-5.500S18 10 18 10s-3 5.500-8 5.500S2 10 2 10Z"/><circle cx="10" cy="10" r="2.300"/>',
  'eye-off': '<path d="M4 4l12 12M8 4.800c.6-.2 1.300-.3 2-.3 5 0 8 5.500 8 5.500s-.8 1.500-2.300 2.900M5.500 6.200C3.200 7.700 2 10 2 10s3 5.500 8 5.500c1.300 0 2.500-.4 3.500-.9"/>',
  lock: '<rect x="4.500" y="9" width="11" height="7.500" rx="1.500"/><path d="M7 9V6.500a3 3 0 0 1 6 0V9"/>',
  unlock: '<rect x="4.500" y="9" width="11" height="7.500" rx="1.500"/><path d="M7 9V6a3 3 0 0 1 5.800-1"/>',
  more: '<circle cx="4.500" cy="10" r="1.300" fill="currentColor"/><circle cx="10" cy="10" r="1.300" fill="currentColor"/><circle cx="15.500" cy="10" r="1.300" fill="currentColor"/>',
  plus: '<path d="M10 4v12M4 10h12"/>',
  close: '<path d="m5 5 10 10M15 5 5 15"/>',
  check: '<path d="m4 10.500 4 4 8-9"/>',
  trash: '<path d="M3.500 5.500h13M8 5.500v-2h4v2M5.500 5.500l.8 11h7.400l.8-11M8.500 8.500v5M11.500 8.500v5"/>',
  spread: '<path d="M10 4v12M7 7l-3.500 3L7 13M13 7l3.500 3-3.500 3"/>',
  export: '<path d="M10 12.500V3M6.500 6 10 2.500 13.500 6M4 11.500v5h12v-5"/>',
  import: '<path d="M10 3v9.500M6.500 9 10 12.500 13.500 9M4 11.500v5h12v-5"/>',
  film: '<rect x="2.500" y="4" width="15" height="12" rx="1.500"/><path d="M6 4v12M14 4v12M2.500 8H6M2.500 12H6M14 8h3.500M14 12h3.500"/>',
  folder: '<path d="M2.500 15.500v-11h5l2 2.500h8v8.500h-15Z"/>',
  target: '<circle cx="10" cy="10" r="6.500"/><circle cx="10" cy="10" r="2.500"/><path d="M10 1.500v4M10 14.500v4M1.500 10h4M14.500 10h4"/>',
  moon: '<path d="M16.500 12A7 7 0 0 1 8 3.500 7 7 0 1 0 16.500 12Z"/>',
  sun: '<circle cx="10" cy="10" r="3.300"/><path d="M10 1.800v2M10 16.200v2M1.800 10h2M16.200 10h2M4.200 4.200l1.400 1.400M14.400 14.400l1.400 1.400M15.800 4.200l-1.400 1.400M5.600 14.400l-1.400 1.400"/>',
  help: '<circle cx="10" cy="10" r="7.500"/><path d="M7.800 7.800a2.200 2.200 0 1 1 3.300 1.900c-.7.400-1.100.9-1.100 1.600v.4"/><circle cx="10" cy="14.200" r=".5" fill="currentColor"/>',
  drag: '<circle cx="7.500" cy="5.500" r="1" fill="currentColor"/><circle cx="12.500" cy="5.500" r="1" fill="currentColor"/><circle cx="7.500" cy="10" r="1" fill="currentColor"/><circle cx="12.500" cy="10" r="1" fill="currentColor"/><circle cx="7.500" cy="14.500" r="1" fill="currentColor"/><circle cx="12.500" cy="14.500" r="1" fill="currentColor"/>',
  panel: '<rect x="2.500" y="4" width="15" height="12" rx="1.500"/><path d="M12.500 4v12"/>',
  fit: '<path d="M3.500 7.500v-4h4M16.500 7.500v-4h-4M3.500 12.500v4h4M16.500 12.500v4h-4"/>',
  compare: '<path d="M10 2.500v15"/><rect x="3" y="5" width="14" height="10" rx="1"/><path d="M10 5h7v10h-7z" fill="currentColor" fill-opacity=".35"/>',
  loop: '<path d="M4 5v10M16 5v10M7 10h6"/>',
  warning: '<path d="M10 3 18 16.500H2L10 3Z"/><path d="M10 8v4"/><circle cx="10" cy="14" r=".4" fill="currentColor"/>',
};

/** @typedef {keyof typeof paths} IconName */

/** Markup of an icon. @param {IconName} name */
export const icon = (name) =>
  `<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">${paths[name]}</svg>`;
