// The log of events, faults, notes and marks; and the field for a note of this moment.

import { ask } from "./link.js";
import { byId, make, tell } from "./dom.js";

const MOST = 500;
const WORDS = { error: "error", warn: "warning", stale: "stale", fault: "fault" };

export class Log {
  #last = 0;
  #pressed = 0;
  #height = 0; // of the box, when it was last seen to change
  #follows = true; // the end; not while somebody reads further up

  constructor(link) {
    this.link = link;
    [this.list, this.box] = [byId("log"), byId("log-box")];
    this.text = byId("remark-text");
    this.box.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#resized()).observe(this.box); // a tablet is turned, another page was shown
    byId("remark").addEventListener("submit", (event) => this.#send(event));
    this.text.addEventListener("focus", () => (this.#pressed ||= performance.now()));
    this.text.addEventListener("blur", () => this.text.value || this.#forget()); // given up: the next one is another
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.text.value = "";
      this.text.blur();
    });
  }

  /** A note or mark of this moment: its text may be typed later. */
  begin(kind) {
    this.#pressed = performance.now();
    this.kind = kind;
    this.text.focus();
  }

  show(lines) {
    for (const line of lines) {
      if (line.n <= this.#last) this.list.replaceChildren(); // connected again: it comes from its beginning
      this.#last = line.n;
      const time = new Date(line.at).toLocaleTimeString("en-GB");
      const kind = WORDS[line.kind] ?? line.kind.replaceAll("_", " ");
      const text = line.name && line.name !== line.text ? `${line.name}: ${line.text}` : line.text;
      this.list.append(make("li", { "data-kind": line.kind }, make("time", {}, time), make("b", {}, kind), make("span", {}, text)));
    }
    while (this.list.children.length > MOST) this.list.firstChild.remove();
    this.#toEnd();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    if (clientHeight === this.#height) this.#follows = scrollHeight - scrollTop - clientHeight < 40; // else nobody scrolled
  }

  #resized() {
    this.#height = this.box.clientHeight;
    this.#toEnd();
  }

  #toEnd() {
    if (this.#follows) this.box.scrollTop = this.box.scrollHeight;
  }

  async #send(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    const byKey = event.submitter?.matches(":focus") ? null : this.kind; // Enter in the field
    const kind = byKey ?? event.submitter?.value ?? "note";
    const pressed = this.#pressed || performance.now();
    this.#clear(); // at once: the next key may begin the next note before the rig has answered
    try {
      await ask("remark", { kind, text, ago: (performance.now() - pressed) / 1000, sent: this.link.offset === null ? 0 : this.link.now() });
    } catch (error) {
      tell(error.message, "problem");
      if (this.text.value) return;
      this.text.value = text; // to be sent again
      this.#pressed = pressed;
      this.kind = kind;
    }
  }

  #clear() {
    this.text.value = "";
    this.#forget();
    this.text.blur();
  }

  #forget() {
    this.#pressed = 0;
    this.kind = null;
  }
}
