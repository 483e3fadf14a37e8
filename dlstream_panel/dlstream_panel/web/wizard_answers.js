// The wizard's answers in this window: they outlive a reload. Each folder has its own.

import { keep, kept } from "./storage.js";
import { newCamera } from "./wizard_cameras.js";

const FIRST = {
  cameras: [newCamera([])], camera: "",
  network: "", scale: null, template: "", outputs: {}, values: {}, regions: null, scales: {},
  rig: "my_rig", title: "", rig_file: "my_rig.yaml", experiment_file: "my_experiment.yaml",
};

/** A wizard at its beginning: nothing is answered yet. */
export const beginning = () => ({ answers: structuredClone(FIRST), step: "camera", visited: ["camera"], number: 0, written: "", pictures: {} });

export class Answers {
  #key;
  #panel;

  /** The key names the folder: what was answered in another one, served on the same port, is not for this one. */
  constructor(hello) {
    [this.#key, this.#panel] = [`dlstream wizard ${hello.directory}`, hello.panel];
  }

  /** What was kept; else a beginning. What another panel wrote or took is not known to this one. */
  read() {
    let last = null;
    try {
      last = JSON.parse(kept(this.#key) ?? "null");
    } catch {
      // No text of ours.
    }
    if (!last?.answers?.cameras) return beginning();
    const { written, pictures } = last.panel === this.#panel ? last : beginning();
    return { ...beginning(), ...last, written, pictures };
  }

  keep(state) {
    keep(this.#key, JSON.stringify({ ...state, panel: this.#panel }));
  }
}
