// Requests to the server. Every refusal arrives as an Error whose message is a sentence for the person.

/** The server does not answer; a refusal is another error. */
export class Unreachable extends Error {}

/** @param {string} method @param {string} path @param {any} [body] @param {RequestInit} [options] */
async function request(method, path, body, options = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, {
      method,
      ...(body instanceof Blob ? { body } : body !== undefined ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      ...options,
    });
  } catch {
    throw new Unreachable('The server does not answer. Is `idpro serve` still running? Nothing that was on the page is lost.');
  }
  if (!response.ok) throw new Error(await refusal(response));
  if (response.status === 204) return undefined;
  return response.headers.get('content-type')?.startsWith('application/json') ? response.json() : response;
}

/** The sentence of a refusal. @param {Response} response */
export async function refusal(response) {
  try {
    return String((await response.json()).message);
  } catch {
    return `The server refused this (${response.status}).`;
  }
}

export const api = {
  home: () => request('GET', '/api/home'),
  openSource: (/** @type {number} */ source) => request('POST', '/api/projects', { source }),
  beginUpload: (/** @type {string} */ name) => request('POST', '/api/uploads', { name }),
  finishUpload: (/** @type {string} */ upload) => request('POST', `/api/uploads/${upload}/open`),
  dropUpload: (/** @type {string} */ upload) => request('DELETE', `/api/uploads/${upload}`),
  removeProject: (/** @type {string} */ id) => request('DELETE', `/api/projects/${id}`),

  /**
   * Sends one file with progress (fetch has none for uploads).
   * @param {string} upload @param {string} name @param {Blob} file @param {(sent: number) => void} progress @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  uploadFile(upload, name, file, progress, signal) {
    return new Promise((resolve, reject) => {
      const sender = new XMLHttpRequest();
      sender.open('PUT', `/api/uploads/${upload}/${encodeURIComponent(name)}`);
      sender.upload.onprogress = (event) => progress(event.loaded);
      sender.onload = () => {
        if (sender.status < 300) return resolve();
        let message = `The server refused this file (${sender.status}).`;
        try {
          message = JSON.parse(sender.responseText).message;
        } catch {
          // Not a sentence of ours.
        }
        reject(new Error(message));
      };
      sender.onerror = () => reject(new Error('The upload was cut off: the server does not answer.'));
      sender.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
      signal.addEventListener('abort', () => sender.abort());
      sender.send(file);
    });
  },
};

/** The requests of one project. */
export class ProjectApi {
  /** @param {string} id */
  constructor(id) {
    this.base = `/api/projects/${id}`;
  }

  frame = (/** @type {number} */ index) => `${this.base}/frames/${index}.jpg`;
  thumbnail = (/** @type {number} */ index) => `${this.base}/thumbnails/${index}.jpg`;
  mask = (/** @type {number} */ index, /** @type {number} */ version) => `${this.base}/masks/${index}?version=${version}`;
  before = (/** @type {number} */ index, /** @type {number} */ version) => `${this.base}/masks/${index}?before=1&version=${version}`;
  preview = (/** @type {number} */ index, /** @type {number|null} */ only) => `${this.base}/previews/${index}${only ? `?only=${only}` : ''}`;
  matte = (/** @type {number} */ index, /** @type {number} */ object, /** @type {number} */ version) =>
    `${this.base}/mattes/${index}.png?object=${object}&version=${version}`;
  exported = (/** @type {number} */ number) => `${this.base}/exports/${number}/file`;

  edit = (/** @type {any} */ edit) => request('POST', `${this.base}/edits`, { edit });
  undo = () => request('POST', `${this.base}/undo`);
  redo = () => request('POST', `${this.base}/redo`);
  commit = (/** @type {number|null} */ only) => request('POST', `${this.base}/commit`, { only });
  propagate = (/** @type {import('./wire.js').PropagateRequest} */ body) => request('POST', `${this.base}/propagate`, body);
  pause = () => request('POST', `${this.base}/pause`);
  resume = () => request('POST', `${this.base}/resume`);
  stop = () => request('POST', `${this.base}/stop`);
  erase = (/** @type {{object: number, first?: number, last?: number}} */ body) => request('POST', `${this.base}/erase`, body);
  release = (/** @type {number} */ frame, again = false) => request('POST', `${this.base}/release`, { frames: [frame], again });
  copy = (/** @type {import('./wire.js').CopyRequest} */ body) => request('POST', `${this.base}/copy`, body);
  suggest = (/** @type {number} */ count) => request('GET', `${this.base}/suggestions?count=${count}`);
  attention = (/** @type {number} */ frame, /** @type {number} */ x, /** @type {number} */ y) =>
    request('GET', `${this.base}/attention?frame=${frame}&x=${x.toFixed(5)}&y=${y.toFixed(5)}`);
  export = (/** @type {{format: string, soft: boolean, objects: number[]|null}} */ body) => request('POST', `${this.base}/exports`, body);
  cancelExport = (/** @type {number} */ number) => request('DELETE', `${this.base}/exports/${number}`);
  stageImport = (/** @type {number} */ frame, /** @type {Blob} */ file) => request('PUT', `${this.base}/imports/${frame}`, file);
  dropImports = () => request('DELETE', `${this.base}/imports`);
  finishImports = () => request('POST', `${this.base}/imports`);
}
