// The pages of the panel: one is shown, by the fragment of the address; STOP and the connection stay.

import { byId, letterOf } from "./dom.js";

export class Router {
  #pages;
  current = "";

  /** pages: by name {main, enter, leave, picture, key}; null where the rig has none. */
  constructor(pages) {
    this.#pages = Object.fromEntries(Object.entries(pages).filter(([, page]) => page));
    for (const link of byId("nav").children) link.hidden = !(link.dataset.page in this.#pages);
    byId("nav").hidden = Object.keys(this.#pages).length < 2;
    byId("skip").addEventListener("click", () => this.#page.main && byId(this.#page.main).focus());
    window.addEventListener("hashchange", () => this.start());
    window.addEventListener("pagehide", () => document.activeElement?.blur()); // what is being typed counts, and is kept
  }

  get #page() {
    return this.#pages[this.current] ?? {};
  }

  /** Shows the page of the address. */
  start() {
    const asked = location.hash.slice(1);
    const name = asked in this.#pages ? asked : Object.keys(this.#pages)[0];
    if (name === this.current) return;
    this.#page.leave?.();
    this.current = name;
    for (const [other, page] of Object.entries(this.#pages)) byId(page.main).hidden = other !== name;
    for (const link of byId("nav").children) link.toggleAttribute("aria-current", link.dataset.page === name);
    byId("nav").querySelector("[aria-current]")?.setAttribute("aria-current", "page");
    this.#page.enter?.();
  }

  picture(head, jpeg) {
    this.#page.picture?.(head, jpeg);
  }

  /** Hands a key to the page; typing: it is text of a field, but for Ctrl+S. Whether it meant something. */
  key(event, typing) {
    const saves = letterOf(event) === "s" && (event.ctrlKey || event.metaKey) && !event.altKey;
    if ((typing && !saves) || document.querySelector("dialog[open]") || !this.#page.key?.(event)) return false;
    event.preventDefault();
    return true;
  }
}
