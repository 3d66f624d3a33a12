// Wires the page: one store, one stage, the panels, and the project that the address names (#/project-id).

import { Actions } from './actions.js';
import { byId, plural } from './dom.js';
import { openExport } from './dialogs/exporting.js';
import { openHome } from './dialogs/home.js';
import { openKeys } from './dialogs/keys.js';
import { listen, shortcuts } from './keyboard.js';
import { Live } from './live.js';
import { Media } from './media.js';
import { setUpBar } from './panels/bar.js';
import { setUpLook } from './panels/look.js';
import { setUpMarks } from './panels/marks.js';
import { ObjectList } from './panels/objects.js';
import { setUpOverstage } from './panels/overstage.js';
import { setUpRail } from './panels/rail.js';
import { setUpTransport } from './panels/transport.js';
import { setUpWork } from './panels/work.js';
import { Player } from './player.js';
import { Preview } from './preview.js';
import { Pointer } from './pointer.js';
import { Stage } from './stage.js';
import { Store, initialState, playhead, rememberPlayhead } from './store.js';
import { Sync } from './sync.js';
import { setUpTheme } from './theme.js';
import { Timeline } from './timeline.js';
import { say } from './toasts.js';

/** For the console and for tests: what the page knows. */
Object.assign(window, { idpro: { get store() { return store; }, get stage() { return stage; }, get player() { return player; }, busy: () => Boolean(actions.sync?.inFlight) } });

const store = new Store(initialState());
const actions = new Actions(store, say);
const stage = new Stage(store);
const pointer = new Pointer(stage, actions);
const timeline = new Timeline(store, actions);
const player = new Player(store, (index) => Boolean(open?.media.frames.get(index)));
actions.stage = stage;
actions.player = player;

const table = shortcuts(actions, pointer);
actions.dialogs = {
  home: () => void openHome(go, Boolean(open), open ? { importMasks } : {}),
  export: () => open && openExport(store, actions),
  shortcuts: () => openKeys(table),
};
setUpTheme(store, byId('toggle-theme'));
setUpBar(store, actions);
setUpRail(store, actions);
new ObjectList(store, actions);
setUpMarks(store, actions);
setUpLook(store, actions);
setUpWork(store, actions);
setUpTransport(store, actions);
setUpOverstage(store, stage);
new Preview(store, () => actions.sync);
listen(table);

/** @type {{id: string, media: Media, live: Live}|null} */
let open = null;

/** @param {string} id */
function go(id) {
  if (location.hash === `#/${id}`) void enter(id);
  else location.hash = `#/${id}`;
}

/** @param {string} id */
async function enter(id) {
  leave();
  const response = await fetch(`/api/projects/${id}`).catch(() => null);
  if (!response?.ok) {
    say(response ? (await response.json()).message : 'The server does not answer.', 'error');
    location.hash = '';
    return;
  }
  const project = await response.json();
  const media = new Media(project, () => {
    stage.drawPicture();
    stage.drawInk();
  });
  const sync = new Sync(store, media, media.api, say);
  store.set({ ...initialState(), view: store.state.view, widths: store.state.widths, theme: store.state.theme, project });
  const live = new Live(id, (event, buffer, offset) => {
    if (open?.id !== id) return;
    sync.receive(event, buffer, offset);
    if (event.type === 'snapshot') byId('app').dataset.ready = 'true';
    if (event.type === 'gone') {
      say('This project was deleted.', 'error');
      location.hash = '';
    }
  }, (online) => store.set({ connection: online ? 'online' : 'offline' }));
  sync.resync = () => live.socket?.close();
  sync.caughtUp = () => live.caughtUp();
  actions.sync = sync;
  open = { id, media, live };
  stage.show(media);
  timeline.show(media);
  actions.seek(playhead(id));
  media.around(store.state.frame, false);
}

function leave() {
  open?.live.close();
  open?.media.close();
  open = null;
  actions.sync = null;
  stage.media = null;
  timeline.media = null;
  byId('app').dataset.ready = 'false';
  store.set({ project: null, playing: false });
}

store.watch(['frame', 'playing'], () => {
  if (!open) return;
  open.media.around(store.state.frame, store.state.playing);
  if (!store.state.playing) rememberPlayhead(open.id, store.state.frame);
});
store.watch(['frame', 'playing', 'versions'], () => open && store.state.playing && open.media.masksAhead(store.state.frame, store.state.versions));

/** Masks named by their frame's number. @param {File[]} files */
async function importMasks(files) {
  if (!open) return;
  const { api } = open.media;
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

function route() {
  const id = /^#\/([a-z0-9-]+)$/.exec(location.hash)?.[1];
  if (id) void enter(id);
  else {
    leave();
    void openHome(go, false);
  }
}
window.addEventListener('hashchange', route);
window.addEventListener('error', (event) => say(`The page stumbled: ${event.message}. Reload it; nothing is lost.`, 'error'));
route();
