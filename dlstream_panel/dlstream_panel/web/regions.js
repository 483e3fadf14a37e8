// The page on which the regions, points and scale of the experiment file are drawn, and saved into it.

import { ask } from "./link.js";
import { byId, keepChildren, make, mark, say, tell } from "./dom.js";
import { asText, middle, numbers, TYPES, withoutCorner } from "./shapes.js";
import { Stage } from "./stage.js";

const TOOL_KEYS = { v: "select", c: "circle", r: "rectangle", e: "ellipse", p: "polygon", l: "scale" };
const HINTS = {
  select: "Drag a region or its handles; arrows move it, Shift by 10, Delete removes it.",
  circle: "Drag from the center outwards; or press Enter to put one in the middle.",
  rectangle: "Drag from corner to corner; or press Enter to put one in the middle.",
  ellipse: "Drag a box around it; or press Enter to put one in the middle.",
  polygon: "Click corner after corner; the first again, or Enter, closes it.",
  scale: "Click the two ends of something whose length you know.",
};
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Regions {
  #past = [];
  #future = [];
  #file = null; // what the rig said of the experiment file
  #now = { regions: {}, points: {}, scales: {} };
  #before = null; // of a drag
  #saves = 0;
  #frozen = false;

  constructor(hello, link) {
    [this.hello, this.link] = [hello, link];
    [this.selected, this.tool, this.camera, this.shown] = [null, "select", hello.cameras[0] ?? "", false];
    this.acts = hello.role === "control";
    this.stage = new Stage(byId("stage"), {
      change: (...what) => this.#change(...what),
      select: (item) => this.#select(item),
      tool: () => this.tool,
      step: () => Number(byId("snap").value),
      sticky: () => byId("sticky").checked,
      editable: () => this.acts && this.#file !== null,
      scaled: (a, b) => this.#scaled(a, b),
      hover: (at) => this.#hover(at),
    });
    for (const button of document.querySelectorAll("button[data-tool]")) button.addEventListener("click", () => this.#use(button.dataset.tool));
    const on = (id, kind, act) => byId(id).addEventListener(kind, act);
    on("undo", "click", () => this.#step(this.#past, this.#future));
    on("redo", "click", () => this.#step(this.#future, this.#past));
    on("freeze", "click", () => this.#freeze(!this.#frozen));
    on("close-shape", "click", () => this.stage.finish());
    on("remove-region", "click", () => this.#remove());
    on("save-regions", "click", () => this.#save());
    on("discard-regions", "click", () => this.#read());
    on("copy-text", "click", () => this.#copy());
    on("scale-form", "submit", (event) => this.#setScale(event));
    on("region-name", "change", () => this.#rename());
    on("beyond", "change", () => this.#beyond());
    on("region-camera", "change", () => this.#look(byId("region-camera").value));
    byId("region-camera").replaceChildren(...hello.cameras.map((name) => make("option", {}, name)));
    byId("region-camera-label").hidden = hello.cameras.length < 2;
  }

  // What the rig says.

  async enter() {
    this.shown = true;
    this.link.watch(this.#frozen ? [] : [this.camera]);
    if (this.#file === null || !this.#dirty) await this.#read();
    this.stage.render();
  }

  leave() {
    this.shown = false;
  }

  state(state) {
    this.running = state.run;
    if (state.saves !== this.#saves) {
      this.#saves = state.saves;
      if (this.shown && !this.#dirty) this.#read();
      else if (!this.#saving) this.#warn("Another page has saved the file meanwhile: yours can't be saved any more. Copy your text, then read the file again.");
    }
    if (this.shown) this.#describe();
  }

  async picture(head, jpeg) {
    if (head.camera === this.camera && !this.#frozen) {
      const image = await createImageBitmap(jpeg).catch(() => null);
      if (image && !this.#frozen && this.shown) this.stage.picture(image);
      image?.close();
    }
    this.link.drawn(head.camera);
  }

  async #read() {
    const answer = await fetch("/api/regions").catch(() => null);
    const file = await answer?.json().catch(() => null);
    if (!answer?.ok) return this.#warn(file?.error ?? "no connection to the rig: the file was not read");
    const points = Object.fromEntries(Object.entries(file.points).map(([name, point]) => [name, point.at]));
    this.#file = file;
    this.#now = { regions: file.regions, points, scales: { ...file.scales } };
    [this.#past, this.#future, this.selected] = [[], [], this.#find(this.selected) ? this.selected : null];
    this.#warn("");
    if (file.sizes[this.camera] && !this.stage.canvas.dataset.seen) this.stage.resize(file.sizes[this.camera]);
    this.#show();
  }

  // What is drawn.

  get #text() {
    return JSON.stringify(this.#now);
  }

  get #dirty() {
    if (!this.#file) return false;
    const points = Object.fromEntries(Object.entries(this.#file.points).map(([name, point]) => [name, point.at]));
    return this.#text !== JSON.stringify({ regions: this.#file.regions, points, scales: this.#file.scales });
  }

  #change(kind, name, value, done) {
    const before = this.#before ?? this.#text;
    let chosen = this.selected;
    const next = JSON.parse(this.#text);
    if (kind === "new") {
      const free = this.#freeName();
      next.regions[free] = this.camera === this.#file.camera ? value : { ...value, camera: this.camera };
      chosen = { kind: "region", name: free };
    } else next[kind === "region" ? "regions" : "points"][name] = value;
    this.#now = next;
    this.#before = done ? null : before;
    if (done && before !== this.#text) this.#remember(before);
    this.selected = chosen;
    if (kind === "new") this.#use("select");
    this.#show();
    if (kind === "new") byId("stage").querySelector(".chosen")?.focus();
  }

  #remember(before) {
    this.#past.push(before);
    this.#future = [];
  }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.#text);
    this.#now = JSON.parse(from.pop());
    if (!this.#find(this.selected)) this.selected = null;
    this.#show();
  }

  #find(item) {
    return item && (item.kind === "region" ? this.#now.regions : this.#now.points)[item.name];
  }

  #freeName() {
    let number = 1;
    while (`region_${number}` in this.#now.regions) number += 1;
    return `region_${number}`;
  }

  #select(item) {
    this.selected = item && { kind: item.kind, name: item.name };
    this.#show();
  }

  #remove() {
    if (this.selected?.kind !== "region") return;
    const corner = this.stage.corner;
    const shape = this.#now.regions[this.selected.name];
    const before = this.#text;
    if (corner >= 0 && shape.type === "polygon") {
      const smaller = withoutCorner(shape, corner);
      if (smaller === shape) return;
      this.#now = { ...this.#now, regions: { ...this.#now.regions, [this.selected.name]: smaller } };
    } else {
      const { [this.selected.name]: _gone, ...rest } = this.#now.regions;
      this.#now = { ...this.#now, regions: rest };
      this.selected = null;
    }
    this.#remember(before);
    this.#show();
  }

  #rename() {
    const [old, name] = [this.selected?.name, byId("region-name").value.trim()];
    if (!old || !name || name in this.#now.regions) return this.#show();
    const before = this.#text;
    const regions = Object.fromEntries(Object.entries(this.#now.regions).map(([key, shape]) => [key === old ? name : key, shape]));
    this.#now = { ...this.#now, regions };
    this.selected = { kind: "region", name };
    this.#remember(before);
    this.#show();
  }

  #beyond() {
    const { beyond_image: _old, ...shape } = this.#now.regions[this.selected.name];
    this.#change("region", this.selected.name, byId("beyond").checked ? { ...shape, beyond_image: true } : shape, true);
  }

  // Scale.

  #scaled(a, b) {
    this.ends = [a, b];
    say(byId("scale-pixels"), `${Math.hypot(a[0] - b[0], a[1] - b[1]).toFixed(1)} pixels`);
    byId("scale").showModal();
    byId("scale-length").focus();
  }

  #setScale(event) {
    if (event.submitter?.value !== "set") return;
    const [[x0, y0], [x1, y1]] = this.ends;
    const millimetres = Number(byId("scale-length").value);
    const pixels = Math.hypot(x1 - x0, y1 - y0);
    if (!(millimetres > 0) || !pixels) return;
    const before = this.#text;
    this.#now = { ...this.#now, scales: { ...this.#now.scales, [this.camera]: Number(((pixels / millimetres) * 10).toPrecision(5)) } };
    this.#remember(before);
    this.#use("select");
    this.#show();
  }

  // Saving.

  async #save() {
    if (!this.#dirty || byId("save-regions").disabled) return;
    this.#saving = true;
    const { regions, points } = this.#now;
    const scales = Object.fromEntries(Object.entries(this.#now.scales).filter(([, value]) => value !== null));
    try {
      tell(await ask("regions", { hash: this.#file.hash, regions, points, scales }));
      const undone = this.#past;
      await this.#read();
      this.#past = undone; // what was saved can be undone, and saved again
      this.#describe();
    } catch (error) {
      this.#warn(error.message);
    } finally {
      this.#saving = false;
    }
  }

  #saving = false;

  async #copy() {
    try {
      await navigator.clipboard.writeText(byId("region-text").textContent);
      tell("copied");
    } catch {
      getSelection().selectAllChildren(byId("region-text"));
      tell("The browser copies by itself only on this machine or by https: press Ctrl+C", "problem");
    }
  }

  // What is seen.

  #use(tool) {
    this.stage.cancel();
    this.tool = tool;
    if (tool === "scale" && this.#file?.scales[this.camera] === null) {
      this.tool = "select";
      tell("This camera has a calibrated plane in the experiment file: it needs no scale.", "problem");
    }
    this.#describe();
  }

  #look(camera) {
    this.camera = camera;
    this.selected = null;
    this.stage.resize(this.#file?.sizes[camera] ?? this.stage.size);
    this.#freeze(false);
    this.#show();
  }

  #freeze(yes) {
    this.#frozen = yes;
    this.link.watch(yes ? [] : [this.camera]);
    this.#describe();
  }

  #hover([x, y]) {
    const scale = this.#now.scales[this.camera];
    const long = scale ? ` · ${((x / scale) * 10).toFixed(1)}, ${((y / scale) * 10).toFixed(1)} mm` : "";
    say(byId("pointer"), `${Math.round(x)}, ${Math.round(y)} px${long}`);
  }

  #show() {
    const items = [];
    for (const [name, shape] of Object.entries(this.#now.regions)) if ((shape.camera ?? this.#file.camera) === this.camera) items.push({ kind: "region", name, shape });
    for (const [name, at] of Object.entries(this.#now.points)) if (this.#file.points[name].camera === this.camera) items.push({ kind: "point", name, at });
    this.stage.show(items, this.selected);
    keepChildren(
      byId("region-list"),
      items.map((item) => `${item.kind} ${item.name}`),
      () => make("li", {}, make("button", { type: "button" }, make("b", {}), make("span", { class: "muted small" }))),
      (element, key) => {
        const item = items.find((other) => `${other.kind} ${other.name}` === key);
        const [button] = element.children;
        button.onclick = () => this.#select(item);
        button.setAttribute("aria-pressed", String(this.selected?.kind === item.kind && this.selected?.name === item.name));
        say(button.children[0], item.name);
        say(button.children[1], item.kind === "region" ? item.shape.type : "point of a trigger");
      },
    );
    byId("no-regions").hidden = items.length > 0;
    this.#fields();
    this.#describe();
  }

  #fields() {
    const item = this.selected;
    byId("region-fields").hidden = !item;
    if (!item) return;
    const shape = this.#find(item);
    const isRegion = item.kind === "region";
    const saved = isRegion && item.name in (this.#file?.regions ?? {});
    const name = byId("region-name");
    if (document.activeElement !== name) name.value = item.name;
    name.readOnly = !this.acts || saved || !isRegion;
    name.title = saved ? "A name that triggers may use is changed in the file itself." : "";
    byId("remove-region").hidden = byId("beyond-label").hidden = !isRegion;
    byId("beyond").checked = Boolean(shape.beyond_image);
    byId("beyond").disabled = !this.acts;
    say(byId("region-text"), isRegion ? asText(item.name, shape) : `point: [${shape.join(", ")}]`);
    const list = isRegion
      ? numbers(shape)
      : ["x", "y"].map((label, axis) => ({ label, value: shape[axis], set: (value) => shape.map((old, other) => (other === axis ? value : old)) }));
    keepChildren(
      byId("region-numbers"),
      list.map((field) => field.label),
      (label) => make("label", {}, make("span", {}, label), make("input", { type: "number", step: "any", required: true })),
      (element, label) => {
        const field = list.find((other) => other.label === label);
        const input = element.lastChild;
        if (document.activeElement !== input) input.value = field.value;
        input.readOnly = !this.acts;
        input.onchange = () => input.checkValidity() && this.#change(item.kind, item.name, field.set(Number(input.value)), true);
      },
    );
  }

  #describe() {
    for (const button of document.querySelectorAll("button[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool));
    mark(byId("stage"), "tool", this.tool);
    say(byId("tool-hint"), this.acts ? HINTS[this.tool] : "This link is for looking only.");
    byId("undo").disabled = !this.#past.length;
    byId("redo").disabled = !this.#future.length;
    byId("close-shape").hidden = this.tool !== "polygon";
    byId("freeze").setAttribute("aria-pressed", String(this.#frozen));
    const dirty = this.#dirty;
    byId("save-regions").disabled = !dirty || this.running || this.#saving;
    byId("discard-regions").disabled = !this.#file;
    const file = this.#file?.file ?? "the experiment file";
    say(byId("save-state"), this.running ? "A run is on: end it before you save." : dirty ? `Not saved yet. Saving writes these values into ${file} and leaves all else of it as it is.` : `As in ${file}.`);
    const scale = this.#now.scales[this.camera];
    say(byId("scale-text"), scale === null ? "by a calibrated plane" : scale ? `${scale} pixels per cm` : "not known: triggers measure in pixels");
  }

  #warn(text) {
    byId("region-problem").hidden = !text;
    say(byId("region-problem"), text);
  }

  /** A key on this page; whether it meant something. */
  key(event) {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" && !event.shiftKey) this.#step(this.#past, this.#future);
      else if (key === "y" || key === "z") this.#step(this.#future, this.#past);
      else if (key === "s") this.#save();
      else if (key === "c" && this.selected && !String(getSelection())) this.#copy();
      else return false;
      return true;
    }
    if (event.key === "Escape") {
      if (!this.stage.cancel()) this.tool === "select" ? this.#select(null) : this.#use("select");
    } else if (key in TOOL_KEYS && this.acts) {
      this.#use(TOOL_KEYS[key]);
      this.stage.svg.focus();
    } else if (event.key in MOVES && this.acts) {
      const far = event.shiftKey ? 10 : 1;
      return this.stage.nudge(...MOVES[event.key].map((step) => step * far));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (this.acts) this.#remove();
    } else if ((event.key === "Enter" || event.key === " ") && this.stage.box.contains(document.activeElement)) return this.#enter();
    else return false;
    return true;
  }

  /** Enter on the picture: closes a polygon, puts a shape of the tool in the middle, or selects what has the focus. */
  #enter() {
    if (this.stage.finish()) return true;
    if (TYPES.includes(this.tool) && !this.stage.drawing) {
      this.#change("new", "", middle(this.tool, this.stage.size), true);
      return true;
    }
    const group = document.activeElement.closest("[data-kind]");
    if (!group) return false;
    this.#select({ kind: group.dataset.kind, name: group.dataset.name });
    return true;
  }
}
