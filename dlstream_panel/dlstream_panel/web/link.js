// The connection to the rig: a WebSocket that brings state, log and pictures, and POSTs that act.

const SILENCE = 3000; // ms without a word of the rig after which there is no connection
const READ = 60_000; // ms: to look for cameras, or through thousands of sessions, takes seconds
const WINDOW = 30_000; // ms of which the fastest message tells the rig's clock: either clock may be set meanwhile
const AFTER_STOP = ["run", "arm", "test"]; // what a STOP goes before, whichever arrives first

let stops = 0; // how many STOPs of the panel this page knows of

/** Asks for something; resolves to the rig's sentence on what was done, or rejects with why not, or after `wait` ms with what is known then. */
export async function ask(what, body = {}, wait = 15_000) {
  const sent = AFTER_STOP.includes(what) ? { ...body, stops } : body;
  let response;
  try {
    response = await fetch(`/api/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(sent),
      signal: AbortSignal.timeout(wait),
    });
  } catch {
    // The request may have arrived, and may still be carried out: only the state says what has become of it.
    const text = "no answer from the rig: whether this was done is not known. Look at the state before you try again";
    throw Object.assign(new Error(text), { lost: true });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || `the rig refused (${response.status})`);
  return answer.message ?? answer;
}

/** What the rig has under this name; rejects with why not. In a dead network nothing waits for ever. */
export async function read(what, wait = READ) {
  const response = await fetch(`/api/${what}`, { signal: AbortSignal.timeout(wait) }).catch(() => null);
  const answer = (await response?.json().catch(() => null)) ?? {};
  if (!response?.ok) throw new Error(answer.error || "no connection to the rig");
  return answer;
}

export class Link {
  #socket = null;
  #heard = 0;
  #open = false;
  #wait = 250;
  #watched = [];
  #offsets = [];

  /** panel: which one served this page. handlers: state(object), log(lines), measured(at, values), picture(head, jpeg), connected(yes). */
  constructor(panel, handlers) {
    this.panel = panel;
    this.handlers = handlers;
    this.offset = null; // the rig's clock minus ours, in ms
    setInterval(() => this.#check(), 250);
  }

  /** The rig's clock now, in ms since the epoch. */
  now() {
    return this.offset === null ? Date.now() : performance.now() + this.offset;
  }

  open() {
    const socket = new WebSocket(`ws://${location.host}/api/live`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onopen = () => this.watch(this.#watched);
    socket.onmessage = (event) => {
      if (this.#socket !== socket) return; // given up
      this.#heard = performance.now();
      this.#set(true);
      if (typeof event.data === "string") this.#text(JSON.parse(event.data));
      else this.#picture(event.data);
    };
    socket.onclose = () => this.#socket === socket && this.#lost();
  }

  #lost() {
    this.#socket = null;
    this.#set(false);
    setTimeout(() => this.#again(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, 4000);
  }

  /** Connects again, if it is the same panel: the next one on this port may serve another rig, or ask for another token. */
  async #again() {
    const hello = await read("hello", SILENCE).catch(() => null);
    if (!hello) return this.#lost(); // a WebSocket into a dead network would wait for minutes
    if (hello.panel !== this.panel) return location.reload();
    this.#offsets = [];
    this.open();
  }

  /** Which cameras are shown: only their pictures are sent. */
  watch(cameras) {
    this.#watched = cameras;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ watch: cameras }));
  }

  /** A picture has been drawn: the next one may come. */
  drawn(camera) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ drawn: camera }));
  }

  #text(message) {
    if (message.type === "state") {
      this.#clock(message.time);
      stops = message.stops;
      this.#wait = 250;
      this.handlers.state(message);
    } else if (message.type === "measured") {
      this.handlers.measured(message.at, message.values);
    } else {
      this.handlers.log(message.lines);
    }
  }

  /** The message that was under way for the shortest time says best how late it is at the rig. */
  #clock(time) {
    const now = performance.now();
    this.#offsets = [...this.#offsets.filter(([at]) => at > now - WINDOW), [now, time - now]];
    this.offset = Math.max(...this.#offsets.map(([, offset]) => offset));
  }

  #picture(data) {
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    this.handlers.picture(head, new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
  }

  #check() {
    if (!this.#socket || performance.now() - this.#heard < (this.#open ? SILENCE : 2 * SILENCE)) return;
    this.#socket.close(); // its own end may take minutes
    this.#lost();
  }

  #set(open) {
    if (open === this.#open) return;
    this.#open = open;
    this.handlers.connected(open);
  }
}
