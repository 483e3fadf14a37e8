// The page on which the regions, points and scale of the experiment file are drawn, and saved into it.

import { allow, byId, make, mark, say, settle, tell } from "./dom.js";
import { canonical, Draft } from "./draft.js";
import { Ground, sessionGrounds } from "./ground.js";
import { History } from "./region_history.js";
import { CopiedRegion } from "./region_copy.js";
import { inFile } from "./region_file.js";
import { HINTS, RegionKeys } from "./region_keys.js";
import { focusInList, placeInList, showFields, showList } from "./region_list.js";
import { ScaleDialog } from "./region_scale.js";
import { withoutCorner } from "./shapes.js";
import { Stage } from "./stage.js";

export class Regions {
  #drawn = new History();
  #file = null; // what the rig said of the experiment file
  #before = null; // of a drag
  #copied = new CopiedRegion();
  #saves = null;
  #refused = false; // whether something that was typed did not count
  #unsure = false; // whether what was asked to be saved is

  /** keeper: where they are read and saved, {read, save, others, waiting, kept}; grounds(): more pictures to draw on. */
  constructor(hello, link, keeper = inFile, grounds = null) {
    [this.hello, this.link, this.keeper, this.grounds] = [hello, link, keeper, grounds ?? (() => sessionGrounds(hello))];
    [this.selected, this.tool, this.camera, this.shown] = [null, "select", hello.cameras[0] ?? "", false];
    this.acts = hello.role === "control";
    this.draft = new Draft(`regions of ${hello.rig} ${hello.file ?? ""} ${hello.directory}`);
    this.stage = new Stage(byId("stage"), {
      change: (...what) => this.#change(...what),
      select: (item) => this.#select(item),
      tool: () => this.tool,
      step: () => Number(byId("snap").value),
      sticky: () => byId("sticky").checked,
      editable: () => this.acts && this.#file !== null,
      scaled: (a, b) => this.scale.ask(a, b),
      hover: (at) => this.#hover(at),
    });
    this.keys = new RegionKeys(this.stage, {
      acts: this.acts,
      selected: () => this.selected,
      tool: () => this.tool,
      select: (item) => this.#select(item),
      use: (tool) => this.#use(tool),
      add: (shape) => this.#change("new", "", shape, true),
      remove: () => this.#remove(),
      copy: () => this.#copy(),
      paste: () => this.#paste(),
      undo: () => this.#step(this.#drawn.undo()),
      redo: () => this.#step(this.#drawn.redo()),
      save: () => this.#save(),
    });
    for (const button of document.querySelectorAll("button[data-tool]")) button.addEventListener("click", () => this.#use(button.dataset.tool));
    const on = (id, kind, act) => byId(id).addEventListener(kind, act);
    on("undo", "click", () => this.#step(this.#drawn.undo()) && byId("undo").disabled && byId("redo").focus());
    on("redo", "click", () => this.#step(this.#drawn.redo()) && byId("redo").disabled && byId("undo").focus());
    this.ground = new Ground(hello.cameras.length > 0, {
      image: (image) => this.shown && this.#picture(image),
      clear: () => this.#clear(),
      watch: (yes) => this.shown && this.link.watch(yes ? [this.camera] : []),
      problem: (text) => this.#warn(text),
      camera: () => this.camera,
    });
    on("close-shape", "click", () => this.stage.finish());
    on("remove-region", "click", () => this.#remove());
    on("save-regions", "click", () => this.#save());
    on("discard-regions", "click", () => this.#read());
    on("copy-text", "click", () => this.#copy());
    this.scale = new ScaleDialog((scale) => this.#setScale(scale));
    on("region-name", "change", () => this.#rename());
    on("beyond", "change", () => this.#beyond());
    on("region-camera", "change", () => this.#look(byId("region-camera").value));
    this.#cameras(hello.cameras);
  }

  // What the rig says.

  async enter() {
    this.shown = true;
    this.ground.show();
    if (this.#file === null || !this.#dirty) await this.#read();
    else await this.#savedElsewhere(); // what is drawn may belong to what was there before
    this.ground.offer(await this.grounds());
    this.stage.render();
  }

  leave() {
    this.shown = false;
  }

  state(state) {
    this.running = state.run;
    const news = this.#saves !== null && state.saves !== this.#saves;
    this.#saves = state.saves;
    if ((news || this.#unsure) && !this.#saving) this.#savedElsewhere();
    if (this.shown) this.#describe();
  }

  async picture(head, jpeg) {
    const wanted = () => head.camera === this.camera && this.ground.isLive && !this.ground.held && this.shown;
    if (wanted()) {
      const image = await createImageBitmap(jpeg).catch(() => null);
      if (image && wanted()) this.#picture(image);
      image?.close();
    }
    this.link.drawn(head.camera);
  }

  async #read(asked = null) { // asked: what this page has just saved; what was drawn since then stays
    const draft = this.#file === null ? this.draft.read() : null; // of before a reload
    const before = this.#drawn.text;
    let file;
    try {
      file = await this.keeper.read();
    } catch (error) {
      return this.#warn(error.message);
    }
    // What was drawn meanwhile stays. On a file that says something else now, it can't be saved: its hash is an older one.
    const drawnOn = asked === null && before !== this.#drawn.text;
    if (drawnOn && canonical(this.#inFile(file)) !== canonical(this.#inFile(this.#file))) return this.#warn(this.keeper.others);
    this.#file = file;
    if (asked === null && !drawnOn) this.#drawn.begin(this.#inFile(file));
    else if (asked === this.#drawn.text) this.#drawn.renew(this.#inFile(file));
    this.#unsure = false;
    // Of this very file, or of the wizard's same template; without the points of triggers that the file no longer has.
    const fits = draft && (this.keeper === inFile ? draft.file === file.file : draft.hash === file.hash);
    if (fits) draft.now.points = Object.fromEntries(Object.entries(draft.now.points).filter(([name]) => name in file.points));
    if (fits && canonical(draft.now) !== canonical(this.#now)) {
      this.#drawn.remember(this.#drawn.text);
      this.#now = draft.now;
      file.hash = draft.hash; // where the file has changed meanwhile, it is not saved over
    }
    if (!this.#drawn.find(this.selected)) this.selected = null;
    if (!this.hello.cameras.length) this.#cameras(file.cameras);
    this.#warn("");
    if (file.sizes[this.camera] && !this.stage.canvas.dataset.seen) this.stage.resize(file.sizes[this.camera]);
    this.#show();
  }

  /** The rig says that the file was saved, by another page or by this one with an answer that was lost. */
  async #savedElsewhere() {
    if (this.#file === null) return;
    const file = await this.keeper.read().catch(() => null);
    if (!file || this.#saving) return;
    this.#unsure = false;
    if (file.hash === this.#file.hash) return;
    if (canonical(this.#inFile(file)) === canonical(this.#now)) {
      this.#file = file;
      this.#drawn.renew(this.#inFile(file));
      this.#warn("");
      if (this.shown) this.#show();
      else this.draft.keep(null);
    } else if (this.#dirty) this.#warn(this.keeper.others);
    else if (this.shown) this.#read();
  }

  #cameras(names) {
    byId("region-camera").replaceChildren(...names.map((name) => make("option", {}, name)));
    byId("region-camera-label").hidden = names.length < 2;
    if (!names.includes(this.camera)) {
      this.camera = names[0] ?? "";
      this.#clear();
      this.ground.show();
    }
    byId("region-camera").value = this.camera;
  }

  /** What can be drawn, as a file has it; points are places by the trigger's name. */
  #inFile({ regions, points, scales }) {
    return { regions, points: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, point.at])), scales: { ...scales } };
  }

  // What is drawn.

  get #now() {
    return this.#drawn.now;
  }

  set #now(now) {
    this.#drawn.now = now;
  }

  get #dirty() {
    return this.#file !== null && this.#drawn.text !== JSON.stringify(this.#inFile(this.#file));
  }

  #change(kind, name, value, done) {
    const before = this.#before ?? this.#drawn.text;
    let chosen = this.selected;
    const next = JSON.parse(this.#drawn.text);
    if (kind === "new") {
      const free = this.#drawn.freeName;
      next.regions[free] = this.camera === this.#file.camera ? value : { ...value, camera: this.camera };
      chosen = { kind: "region", name: free };
    } else next[kind === "region" ? "regions" : "points"][name] = value;
    this.#now = next;
    this.#before = done ? null : before;
    if (done && before !== this.#drawn.text) this.#drawn.remember(before);
    this.selected = chosen;
    if (kind === "new") this.#use("select");
    this.#show();
    if (kind === "new") byId("stage").querySelector(".chosen")?.focus();
  }

  #step(done) {
    if (!done) return false;
    if (!this.#drawn.find(this.selected)) this.selected = null;
    this.#show();
    return true;
  }

  #select(item) {
    this.selected = item && { kind: item.kind, name: item.name };
    this.#show();
  }

  #remove() {
    if (this.selected?.kind !== "region") return;
    const corner = this.stage.corner;
    const shape = this.#now.regions[this.selected.name];
    const before = this.#drawn.text;
    const [onPicture, place] = [this.stage.box.contains(document.activeElement), placeInList(this.selected)];
    if (corner >= 0 && shape.type === "polygon") {
      const smaller = withoutCorner(shape, corner);
      if (smaller === shape) return;
      this.#now = { ...this.#now, regions: { ...this.#now.regions, [this.selected.name]: smaller } };
    } else {
      const { [this.selected.name]: _gone, ...rest } = this.#now.regions;
      this.#now = { ...this.#now, regions: rest };
      this.selected = null;
    }
    this.#drawn.remember(before);
    this.#show();
    if (this.stage.box.contains(document.activeElement)) return; // another corner of it
    if (onPicture || !focusInList(place)) this.stage.svg.focus({ preventScroll: true });
  }

  #rename() {
    const [old, name] = [this.selected?.name, byId("region-name").value.trim()];
    if (!old || name === old || old in this.#file.regions) return this.#show();
    if (!name || name in this.#now.regions) {
      byId("region-name").value = old;
      return this.#refuse(name ? `Another region has the name ${name}: this one keeps the name ${old}.` : `A region needs a name: it keeps the name ${old}.`);
    }
    const before = this.#drawn.text;
    const regions = Object.fromEntries(Object.entries(this.#now.regions).map(([key, shape]) => [key === old ? name : key, shape]));
    this.#now = { ...this.#now, regions };
    this.selected = { kind: "region", name };
    this.#drawn.remember(before);
    this.#show();
  }

  /** Says why what was typed does not count; what asked for it to count, such as Save, is not done. */
  #refuse(why) {
    this.#refused = true;
    tell(why, "problem");
  }

  #beyond() {
    const { beyond_image: _old, ...shape } = this.#now.regions[this.selected.name];
    this.#change("region", this.selected.name, byId("beyond").checked ? { ...shape, beyond_image: true } : shape, true);
  }

  // Scale.

  #setScale(scale) {
    const before = this.#drawn.text;
    this.#now = { ...this.#now, scales: { ...this.#now.scales, [this.camera]: scale } };
    this.#drawn.remember(before);
    this.#use("select");
    this.#show();
  }

  // Saving.

  async #save() {
    this.#refused = false;
    settle();
    if (this.#refused || !this.#dirty || byId("save-regions").disabled) return;
    this.#saving = true;
    const [asked, { regions, points }] = [this.#drawn.text, this.#now];
    const scales = Object.fromEntries(Object.entries(this.#now.scales).filter(([, value]) => value !== null));
    try {
      tell(await this.keeper.save({ hash: this.#file.hash, regions, points, scales }));
      await this.#read(asked);
    } catch (error) {
      this.#unsure = Boolean(error.lost); // whether it was saved: the file says it
      this.#warn(error.message);
    } finally {
      this.#saving = false;
    }
  }

  #saving = false;

  #paste() {
    const shape = this.#copied.next();
    if (shape) this.#change("new", "", shape, true);
    return Boolean(shape);
  }

  #copy() {
    this.#copied.copy(this.selected.kind === "region" ? this.#now.regions[this.selected.name] : undefined);
  }

  // What is seen.

  #use(tool) {
    settle();
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
    this.#clear();
    this.ground.hold(false);
    this.ground.show();
    this.#show();
  }

  #picture(image) {
    this.stage.picture(image);
    this.ground.cover(this.stage, this.camera);
  }

  #clear() {
    this.stage.clear();
    this.ground.cover(this.stage, this.camera);
  }

  #hover([x, y]) {
    const scale = this.#now.scales[this.camera];
    const long = scale ? ` · ${((x / scale) * 10).toFixed(1)}, ${((y / scale) * 10).toFixed(1)} mm` : "";
    say(byId("pointer"), `${Math.round(x)}, ${Math.round(y)} px${long}`);
  }

  #show() {
    const items = [];
    for (const [name, shape] of Object.entries(this.#now.regions)) if ((shape.camera ?? this.#file.camera) === this.camera) items.push({ kind: "region", name, shape });
    for (const [name, at] of Object.entries(this.#now.points)) if (this.#file.points[name]?.camera === this.camera) items.push({ kind: "point", name, at });
    this.stage.show(items, this.selected);
    showList(items, this.selected, (item) => this.#select(item));
    const item = this.selected;
    const saved = item?.kind === "region" && item.name in this.#file.regions;
    showFields(item, this.#drawn.find(item), { acts: this.acts, saved }, (shape) => this.#change(item.kind, item.name, shape, true), (why) => this.#refuse(why));
    this.#describe();
  }

  #describe() {
    for (const button of document.querySelectorAll("button[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === this.tool));
    mark(byId("stage"), "tool", this.tool);
    this.ground.cover(this.stage, this.camera);
    say(byId("tool-hint"), this.acts ? HINTS[this.tool] : "This link is for looking only.");
    allow(byId("undo"), this.#drawn.canUndo);
    allow(byId("redo"), this.#drawn.canRedo);
    byId("close-shape").hidden = this.tool !== "polygon";
    const dirty = this.#dirty;
    if (this.#file) this.draft.keep(dirty ? { file: this.#file.file, hash: this.#file.hash, now: this.#now } : null);
    allow(byId("save-regions"), dirty && !this.running && !this.#saving);
    allow(byId("discard-regions"), this.#file !== null);
    const file = this.#file?.file ?? "the experiment file";
    say(byId("save-state"), this.running ? "A run is on: end it before you save." : dirty ? this.keeper.waiting(file) : this.keeper.kept(file));
    const scale = this.#now.scales[this.camera];
    say(byId("scale-text"), scale === null ? "by a calibrated plane" : scale ? `${scale} pixels per cm` : "not known: triggers measure in pixels");
  }

  #warn(text) {
    byId("region-problem").hidden = !text;
    say(byId("region-problem"), text);
  }

  /** A key on this page; whether it meant something. */
  key(event) {
    return this.keys.key(event);
  }
}
