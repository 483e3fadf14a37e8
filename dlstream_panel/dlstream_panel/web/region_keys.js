// What keys do on the page of regions: tools, moving, removing, saving.

import { byId, letterOf } from "./dom.js";
import { focusedInList } from "./region_list.js";
import { middle, TYPES } from "./shapes.js";

const TOOLS = { v: "select", c: "circle", r: "rectangle", e: "ellipse", p: "polygon", l: "scale" };
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What can be done with each tool. */
export const HINTS = {
  select: "Drag a region or its handles; arrows move it, Shift by 10, Delete removes it.",
  circle: "Drag from the center outwards; or press Enter to put one in the middle.",
  rectangle: "Drag from corner to corner; or press Enter to put one in the middle.",
  ellipse: "Drag a box around it; or press Enter to put one in the middle.",
  polygon: "Click corner after corner; the first again, or Enter, closes it.",
  scale: "Click the two ends of something whose length you know.",
};

export class RegionKeys {
  /** on: {acts, selected(), tool(), select(item), use(tool), add(shape), remove(), copy(), paste(), undo(), redo(), save()}. */
  constructor(stage, on) {
    [this.stage, this.on] = [stage, on];
  }

  /** A key on this page; whether it meant something. */
  key(event) {
    const key = letterOf(event);
    const { on } = this;
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" && !event.shiftKey) on.undo();
      else if (key === "y" || key === "z") on.redo();
      else if (key === "s") on.save();
      else if (key === "c" && this.#meant() && on.selected() && !String(getSelection())) on.copy();
      else if (key === "v" && on.acts) return on.paste();
      else return false;
      return true;
    }
    if (event.key === "Escape") {
      if (!this.stage.cancel()) on.tool() === "select" ? on.select(null) : on.use("select");
    } else if (key in TOOLS && on.acts) {
      on.use(TOOLS[key]);
      this.stage.svg.focus();
    } else if (event.key in MOVES && on.acts) {
      const far = event.shiftKey ? 10 : 1;
      this.#meant();
      return this.stage.nudge(...MOVES[event.key].map((step) => step * far));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (!this.#hasFocus) return false;
      this.#meant();
      if (on.acts) on.remove();
    } else if ((event.key === "Enter" || event.key === " ") && this.stage.box.contains(document.activeElement)) return this.#enter();
    else return false;
    return true;
  }

  /** Enter on the picture: closes a polygon, puts a shape of the tool in the middle, or selects what has the focus. */
  #enter() {
    if (this.stage.finish()) return true;
    if (TYPES.includes(this.on.tool()) && !this.stage.drawing) {
      this.on.add(middle(this.on.tool(), this.stage.size));
      return true;
    }
    return this.stage.focused !== null && this.#meant();
  }

  get #hasFocus() {
    return [this.stage.box, byId("region-list")].some((part) => part.contains(document.activeElement));
  }

  /** Keys are meant for what has the focus: that is selected from now on. */
  #meant() {
    const [item, selected] = [this.stage.focused ?? focusedInList(), this.on.selected()];
    if (item && (item.kind !== selected?.kind || item.name !== selected.name)) this.on.select(item);
    return true;
  }
}
