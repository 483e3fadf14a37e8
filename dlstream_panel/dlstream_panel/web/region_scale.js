// The scale of a camera, from the two ends of something whose length is known.

import { byId, openDialog, say, tell } from "./dom.js";

export class ScaleDialog {
  #pixels = 0;

  /** set(pixels per cm): as a length has been typed. */
  constructor(set) {
    byId("scale-form").addEventListener("submit", (event) => {
      if (event.submitter?.value === "set") set(Number(((this.#pixels / Number(byId("scale-length").value)) * 10).toPrecision(5)));
    });
  }

  /** Asks how long it is from one place of the picture to another. */
  ask([x0, y0], [x1, y1]) {
    this.#pixels = Math.hypot(x1 - x0, y1 - y0);
    if (!this.#pixels) return tell("Both ends are at the same place: click two that are apart.", "problem");
    say(byId("scale-pixels"), `${this.#pixels.toFixed(1)} pixels`);
    openDialog("scale");
    byId("scale-length").focus();
  }
}
