// A region that is copied: as text for a file or a letter, and as a shape that can be drawn once more.

import { byId, tell } from "./dom.js";
import { moved } from "./shapes.js";

export class CopiedRegion {
  #shape = null;

  /** Copies the text that is shown; shape: what it is of, or undefined for the point of a trigger, which is there once. */
  async copy(shape) {
    if (shape) this.#shape = shape;
    try {
      await navigator.clipboard.writeText(byId("region-text").textContent);
      tell("copied");
    } catch {
      getSelection().selectAllChildren(byId("region-text"));
      tell("The browser copies by itself only on this machine or by https: press Ctrl+C", "problem");
    }
  }

  /** The copied shape, a little aside each time, for whichever camera is shown; null where none was copied. */
  next() {
    if (!this.#shape) return null;
    const { camera: _old, ...shape } = (this.#shape = moved(this.#shape, 10, 10, 0));
    return shape;
  }
}
