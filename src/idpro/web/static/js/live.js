// The project's socket: events in, reconnecting for as long as the page is open.

const decoder = new TextDecoder();

export class Live {
  /**
   * @param {string} id
   * @param {(event: any, buffer?: ArrayBuffer, offset?: number) => void} receive
   * @param {(online: boolean) => void} connection
   */
  constructor(id, receive, connection) {
    this.address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/projects/${id}/live`;
    this.receive = receive;
    this.connection = connection;
    this.closed = false;
    this.attempts = 0;
    this.asked = 0;
    /** @type {Map<number, () => void>} what waits for an echo */
    this.waiting = new Map();
    this.open();
  }

  open() {
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.attempts = 0;
      this.connection(true);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') return this.hear(JSON.parse(data));
      const length = new DataView(data).getUint32(0, true);
      this.receive(JSON.parse(decoder.decode(new Uint8Array(data, 4, length))), data, 4 + length);
    };
    socket.onclose = () => {
      if (this.closed) return;
      this.connection(false);
      this.attempts += 1;
      setTimeout(() => !this.closed && this.open(), Math.min(4000, 200 * 2 ** this.attempts));
    };
  }

  /** @param {any} event */
  hear(event) {
    if (event.type !== 'echo') this.receive(event);
    const numbers = event.type === 'echo' ? [event.number] : event.type === 'snapshot' ? [...this.waiting.keys()] : [];
    for (const number of numbers) {
      this.waiting.get(number)?.();
      this.waiting.delete(number);
    }
  }

  /** Resolves when every event that the server has sent until now was received. @returns {Promise<void>} */
  caughtUp() {
    return new Promise((resolve) => {
      this.waiting.set(++this.asked, resolve);
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(String(this.asked)); // else the next snapshot tells
    });
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }
}
