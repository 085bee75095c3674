// Requests to the server and its answers, as docs/playground.md has them.

const VERSION = 1;
const KINDS = { i1: Int8Array, u1: Uint8Array, f4: Float32Array, f8: Float64Array };
const GONE = "The server is gone: start it again, and open the address that it prints.";

export class Refusal extends Error {}

/** A socket on which each request gets one answer. */
export class Connection {
  constructor(token, lost) {
    this.waiting = new Map();
    this.next = 1;
    this.longest = Infinity; // bytes of a request, as the server says
    this.lost = null; // the error, once the socket is closed
    const address = `ws://${location.host}/socket?token=${encodeURIComponent(token)}`;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", (event) => this.receive(event.data));
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener("open", resolve);
      this.socket.addEventListener("close", ({ reason }) => {
        this.lost = new Error(reason || GONE);
        reject(this.lost);
        for (const { reject: fail } of this.waiting.values()) fail(this.lost);
        this.waiting.clear();
        lost(this.lost);
      });
    });
  }

  /** What the server answers, as {...values, arrays: {name: {data, shape}}}; a Refusal if it will not. */
  async ask(tab, action, given = {}) {
    await this.opened;
    if (this.lost) throw this.lost;
    const id = this.next++;
    const request = JSON.stringify({ version: VERSION, id, tab, do: action, with: given });
    if (3 * request.length > this.longest) this.measure(request);
    this.socket.send(request);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** Refuse what the server would close the connection for. */
  measure(request) {
    const { size } = new Blob([request]), shown = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    if (size > this.longest) throw new Refusal(`${shown(size)} would have to be sent, but ${shown(this.longest)} are the most.`);
  }

  receive(buffer) {
    const { id, error, values, arrays } = decoded(buffer);
    const waiting = this.waiting.get(id);
    if (!waiting) throw new Error(`an answer to request ${id}, which was not made`);
    this.waiting.delete(id);
    if (error !== undefined) waiting.reject(new Refusal(error));
    else waiting.resolve({ ...values, arrays });
  }
}

/** An answer's header, with its arrays as views of the message. */
export function decoded(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const [name, [kind, shape, offset]] of Object.entries(header.arrays ?? {})) {
    const Kind = KINDS[kind];
    const size = shape.reduce((a, b) => a * b, 1);
    if (!Kind || 4 + length + offset + size * Kind.BYTES_PER_ELEMENT > buffer.byteLength) {
      throw new Error(`the answer's array ${name} is damaged`);
    }
    arrays[name] = { data: new Kind(buffer, 4 + length + offset, size), shape };
  }
  return { ...header, arrays };
}
