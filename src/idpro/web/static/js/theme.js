// Dark or light: the person's choice, else the system's.

import { icon } from './icons.js';

/** @param {import('./store.js').Store} store @param {HTMLElement} button */
export function setUpTheme(store, button) {
  const system = matchMedia('(prefers-color-scheme: light)');
  const stored = () => {
    try {
      return localStorage.getItem('idpro.theme');
    } catch {
      return null;
    }
  };
  const apply = () => {
    const theme = stored() ?? (system.matches ? 'light' : 'dark');
    document.documentElement.dataset.theme = theme;
    button.innerHTML = icon(theme === 'dark' ? 'sun' : 'moon');
    button.title = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to ${theme === 'dark' ? 'light' : 'dark'} colours`);
    store.set({ theme });
  };
  button.addEventListener('click', () => {
    try {
      localStorage.setItem('idpro.theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
    } catch {
      // Then it lasts until the page is closed.
    }
    apply();
  });
  system.addEventListener('change', apply);
  apply();
}
