// What was typed or drawn and is not saved yet: it outlives a reload of this window, until it is saved or given up.

import { keep, kept } from "./storage.js";

export class Draft {
  #key;
  #text = null;

  /** name: what tells it from the drafts of other pages and other rigs on this port. */
  constructor(name) {
    this.#key = `dlstream draft ${name}`;
  }

  /** What was kept; null: nothing. */
  read() {
    try {
      return JSON.parse(kept(this.#key) ?? "null");
    } catch {
      return null;
    }
  }

  /** Keeps a value; null: nothing any more. */
  keep(value) {
    const text = value === null ? null : JSON.stringify(value);
    if (text === this.#text) return;
    this.#text = text;
    keep(this.#key, text);
  }
}

/** The same text for what says the same, in whatever order its keys stand. */
export const canonical = (value) =>
  JSON.stringify(value, (_, item) => (item && typeof item === "object" && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item));
