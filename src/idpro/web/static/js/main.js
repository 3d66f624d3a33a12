// Wires the page: one store, one stage, the panels, and the project that the address names (#/project-id).

import { Actions } from './actions.js';
import { api, refusal } from './api.js';
import { download, openExport } from './dialogs/exporting.js';
import { openHome } from './dialogs/home.js';
import { openImport } from './dialogs/importing.js';
import { openKeys } from './dialogs/keys.js';
import { byId } from './dom.js';
import { listenForDrops } from './dropping.js';
import { listen, shortcuts } from './keyboard.js';
import { Live } from './live.js';
import { Media } from './media.js';
import { setUpBar } from './panels/bar.js';
import { setUpHints } from './panels/hints.js';
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

const REST = 400; // milliseconds

/** For the console and for tests: what the page knows. */
Object.assign(window, { idpro: { get store() { return store; }, get stage() { return stage; }, get player() { return player; }, get actions() { return actions; }, get timeline() { return timeline; }, busy: () => Boolean(actions.sync?.inFlight) } });

const store = new Store(initialState());
const actions = new Actions(store, say);
const stage = new Stage(store);
const pointer = new Pointer(stage, actions);
const timeline = new Timeline(store, actions);
const player = new Player(store, (index) => Boolean(open?.media.frames.get(index)));
actions.stage = stage;
actions.player = player;
actions.timeline = timeline;

const table = shortcuts(actions, pointer);
actions.dialogs = {
  home: () => void openHome(go, Boolean(open)),
  export: () => open && openExport(store, actions),
  import: () => open && openImport(open.media.project, open.media.api, say),
  shortcuts: () => openKeys(table),
  objectMenu: () => list.openMenu(),
};
setUpTheme(store, byId('toggle-theme'));
setUpBar(store, actions);
setUpRail(store, actions);
const list = new ObjectList(store, actions);
setUpMarks(store, actions);
setUpHints(store);
setUpLook(store, actions);
setUpWork(store, actions);
setUpTransport(store, actions);
setUpOverstage(store, stage);
new Preview(store, () => actions.sync);
listen(table);
listenForDrops((files) => void openHome(go, Boolean(open), files));

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
  if (!response?.ok) return giveUp(response ? await refusal(response) : 'The server does not answer.');
  const project = await response.json();
  const media = new Media(project, () => {
    store.set({ arrivals: store.state.arrivals + 1 });
    stage.drawPicture();
    stage.drawInk();
  });
  const sync = new Sync(store, media, media.api, say);
  store.set({ ...initialState(), view: store.state.view, widths: store.state.widths, theme: store.state.theme, project });
  const live = new Live(id, (event, buffer, offset) => {
    if (open?.id !== id) return;
    sync.receive(event, buffer, offset);
    if (event.type === 'snapshot') byId('app').dataset.ready = 'true';
    if (event.type === 'gone') giveUp(event.message ?? 'This project was deleted.');
  }, (online) => store.set({ connection: online ? 'online' : 'offline' }));
  sync.resync = () => live.socket?.close();
  sync.caughtUp = () => live.caughtUp();
  sync.exported = (job) => {
    if (job.state === 'done' && !byId('dialog').open) say(`${job.result.name} is written.`, 'note', download(job, media.api));
    else if (job.state === 'failed') say(job.message, 'error');
  };
  actions.sync = sync;
  open = { id, media, live };
  stage.show(media);
  timeline.show(media);
  actions.seek(playhead(id));
  media.around(store.state.frame, false);
}

/** Back to the beginning, with the reason in sight. @param {string} why */
function giveUp(why) {
  if (location.hash) location.hash = '';
  else route();
  say(why, 'error');
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

// A frame counts as looked at when the playhead rests on it.
let resting = 0;
store.watch(['frame', 'playing', 'looked'], () => {
  clearTimeout(resting);
  const { frame, playing, looked } = store.state;
  if (!playing) resting = setTimeout(() => looked.add(frame), REST);
});

function route() {
  const id = /^#\/([a-z0-9-]+)$/.exec(location.hash)?.[1];
  if (id) void enter(id);
  else {
    leave();
    void openHome(go, false);
  }
}
/** A server that was started on one video opens it. */
async function begin() {
  const { sources } = location.hash ? { sources: [] } : await api.home().catch(() => ({ sources: [] }));
  if (sources.length !== 1) return route();
  await api.openSource(sources[0].number).then(({ id }) => go(id), (error) => giveUp(error.message));
}

window.addEventListener('hashchange', route);
window.addEventListener('error', (event) => say(`The page stumbled: ${event.message}. Reload it; nothing is lost.`, 'error'));
void begin();
