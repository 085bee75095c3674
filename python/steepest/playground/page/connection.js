// Requests to the server and its answers, as docs/playground.md has them.

const VERSION = 1;
const KINDS = { i1: Int8Array, u1: Uint8Array, f4: Float32Array, f8: Float64Array, i8: BigInt64Array };

export class Refusal extends Error {}

/** A socket on which each request gets one answer. */
export class Connection {
  constructor(token, lost) {
    this.waiting = new Map();
    this.next = 1;
    const address = `ws://${location.host}/socket?token=${encodeURIComponent(token)}`;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", (event) => this.receive(event.data));
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener("open", resolve);
      this.socket.addEventListener("close", () => {
        const error = new Error("The server is gone: start it again, and open the address that it prints.");
        reject(error);
        for (const { reject: fail } of this.waiting.values()) fail(error);
        this.waiting.clear();
        lost(error);
      });
    });
  }

  /** What the server answers, as {...values, arrays: {name: {data, shape}}}; a Refusal if it will not. */
  async ask(tab, action, given = {}) {
    await this.opened;
    const id = this.next++;
    this.socket.send(JSON.stringify({ version: VERSION, id, tab, do: action, with: given }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
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
