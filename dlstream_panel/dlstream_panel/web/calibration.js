// The calibration tables of the outputs: what was measured is typed in beside a test, and saved into the rig file.

import { canonical, Draft } from "./draft.js";
import { ask, read } from "./link.js";
import { allow, byId, make, say, tell } from "./dom.js";

const CHECK = 150_000; // ms: longer than the rig gives its check of the whole file
const KINDS = {
  power: { setting: "level", unit: "mW", head: "level, 0 to 1", hint: "Test a level, read the power meter at the fibre's end, and type what it shows." },
  volume: { setting: "width", unit: "ul", head: "width, ms", hint: "Test some pulses of a width, weigh what they give (1 mg is 1 ul), and type it divided by their number." },
};

/** Rows as the file has them: by their setting, as numbers. */
const ordered = (rows) => rows.map((row) => [Number(row.setting), Number(row.measured)]).sort((a, b) => a[0] - b[0]);

export class Calibration {
  #file = null;
  #rows = [];
  #drafts = {}; // rows that were changed and not saved, by the table's name
  #saving = false;
  #saves = null;
  #unsure = false; // whether what was asked to be saved is

  constructor(hello) {
    this.hello = hello;
    this.acts = hello.role === "control";
    this.draft = new Draft(`calibration of ${hello.rig} ${hello.file}`);
    const on = (id, event, f) => byId(id).addEventListener(event, f);
    on("calibrated", "change", () => this.#choose());
    on("add-row", "click", () => this.#add());
    on("read-calibration", "click", () => this.#read(true));
    on("save-calibration", "click", () => this.#save());
    new ResizeObserver(() => this.#plot()).observe(byId("calibration-plot"));
  }

  enter() {
    if (!Object.keys(this.#drafts).length) this.#read();
  }

  state(state) {
    this.running = state.run;
    this.outputs = state.outputs;
    const news = this.#saves !== null && state.rig_saves !== this.#saves;
    this.#saves = state.rig_saves;
    if ((news || this.#unsure) && this.#file && !this.#saving) this.#savedElsewhere();
    this.#tell();
    this.#plot(); // in the colours of the present theme
  }

  get #chosen() {
    const [output, quantity] = byId("calibrated").value.split("\n");
    return { output, quantity, ...KINDS[quantity] };
  }

  get #dirty() {
    return byId("calibrated").value in this.#drafts;
  }

  /** afresh: what was changed and not saved is given up. */
  async #read(afresh = false) {
    const kept = this.#file === null ? this.draft.read() : null; // of before a reload
    const before = kept?.table ?? byId("calibrated").value;
    try {
      this.#file = await read("calibration");
    } catch (error) {
      this.#warn(error.message);
      return;
    }
    this.#unsure = false;
    if (afresh) this.#drafts = {};
    if (kept) [this.#drafts, this.#file.hash] = [kept.drafts, kept.hash]; // where the file has changed meanwhile, it is not saved over
    this.#withoutSaved();
    const tables = Object.entries(this.#file.outputs).flatMap(([output, kinds]) => Object.keys(kinds).map((quantity) => [output, quantity]));
    tables.sort(([a, of], [b, than]) => this.#file.outputs[b][than].length - this.#file.outputs[a][of].length); // those in use first
    byId("calibrated").replaceChildren(...tables.map(([output, quantity]) => make("option", { value: `${output}\n${quantity}` }, `${output}: ${quantity}`)));
    if (tables.some((pair) => pair.join("\n") === before)) byId("calibrated").value = before;
    byId("calibration").hidden = byId("calibrated-label").hidden = !tables.length;
    byId("not-calibrated").hidden = Boolean(tables.length);
    if (tables.length) this.#choose();
  }

  #table(file, name) {
    const [output, quantity] = name.split("\n");
    return file.outputs[output]?.[quantity]?.map(([setting, measured]) => ({ setting: String(setting), measured: String(measured) }));
  }

  /** Drops the drafts of which the file says the same. */
  #withoutSaved() {
    const same = (name, rows) => canonical(ordered(rows)) === canonical(ordered(this.#table(this.#file, name) ?? []));
    const left = Object.entries(this.#drafts).filter(([name, rows]) => this.#table(this.#file, name) && !same(name, rows));
    this.#drafts = Object.fromEntries(left);
  }

  /** The rig says that its file was saved, by another page or by this one with an answer that was lost. */
  async #savedElsewhere() {
    const file = await read("calibration").catch(() => null);
    if (!file || this.#saving) return;
    this.#unsure = false;
    if (file.hash === this.#file.hash) return;
    const before = this.#file;
    this.#file = file;
    this.#withoutSaved();
    if (!Object.keys(this.#drafts).length) return this.#choose();
    this.#file = before;
    this.#warn("The rig file has been saved by another page meanwhile: read it again before you save.");
  }

  #choose() {
    const { output, quantity, head, unit, hint } = this.#chosen;
    this.#warn("");
    this.#rows = this.#drafts[byId("calibrated").value] ?? this.#table(this.#file, `${output}\n${quantity}`);
    say(byId("setting-head"), head);
    say(byId("measured-head"), `measured, ${unit}`);
    say(byId("calibration-hint"), hint);
    byId("test-seconds-label").hidden = quantity !== "power";
    byId("test-pulses-label").hidden = quantity !== "volume" || !this.#action("train");
    byId("calibration-test").hidden = byId("test-seconds-label").hidden && byId("test-pulses-label").hidden;
    this.#show();
  }

  #add() {
    this.#rows.push({ setting: "", measured: "" });
    this.#changed();
    this.#show();
    byId("calibration-rows").lastElementChild.querySelector("input").focus();
  }

  #show() {
    const { setting: name, unit } = this.#chosen;
    const field = (row, key, label) => {
      const input = make("input", { type: "number", min: "0", step: "any", value: row[key], "aria-label": label, inputmode: "decimal" });
      input.readOnly = !this.acts;
      input.addEventListener("input", () => {
        row[key] = input.value;
        this.#changed();
        this.#tell();
        this.#plot();
      });
      return input;
    };
    const lines = this.#rows.map((row, i) =>
      make(
        "tr",
        {},
        make("td", {}, field(row, "setting", `${name} of row ${i + 1}`)),
        make("td", {}, field(row, "measured", `measured in row ${i + 1}, ${unit}`)),
        make(
          "td",
          { class: "control" },
          make("button", { type: "button", class: "row-test", onclick: () => this.#test(row) }, "Test", make("span", { class: "unseen" }, ` row ${i + 1}`)),
          " ",
          make("button", { type: "button", class: "quiet", "aria-label": `Remove row ${i + 1}`, onclick: () => this.#remove(i) }, "✕"),
        ),
      ),
    );
    const inputs = () => [...byId("calibration-rows").querySelectorAll("input")];
    const typed = inputs().indexOf(document.activeElement);
    byId("calibration-rows").replaceChildren(...lines);
    if (typed >= 0) inputs()[typed]?.focus();
    this.#tell();
    this.#plot();
  }

  #remove(i) {
    this.#rows.splice(i, 1);
    this.#changed();
    this.#show();
    const next = byId("calibration-rows").children[Math.min(i, this.#rows.length - 1)];
    (next?.querySelector("button.quiet") ?? byId("add-row")).focus();
  }

  #changed() {
    this.#drafts[byId("calibrated").value] = this.#rows;
    this.#keep();
  }

  #keep() {
    const some = Object.keys(this.#drafts).length > 0;
    this.draft.keep(some ? { hash: this.#file.hash, table: byId("calibrated").value, drafts: this.#drafts } : null);
  }

  /** Whether the output takes an action. */
  #action(name) {
    return this.hello.actions[this.#chosen.output].some((item) => item.action === name);
  }

  async #test(row) {
    const { output, quantity } = this.#chosen;
    if (row.setting === "") return tell("Type the setting of this row first.", "problem");
    const request = { output, seconds: Number(byId("test-seconds").value) };
    if (quantity === "power") Object.assign(request, { action: "on", values: { level: row.setting } });
    else {
      const frequency = Math.min(2, 500 / Number(row.setting));
      const count = this.#action("train") ? Number(byId("test-pulses").value) : 1;
      if (count > 1) Object.assign(request, { action: "train", values: { frequency: String(frequency), width: row.setting, count: String(count) } });
      else Object.assign(request, { action: "pulse", values: { width: row.setting } });
      request.seconds = count / frequency + 0.5;
    }
    try {
      tell(await ask("test", request));
    } catch (error) {
      tell(error.message, "problem");
    }
  }

  async #save() {
    const { output, quantity } = this.#chosen;
    const rows = this.#rows.filter((row) => row.setting !== "" || row.measured !== "");
    if (rows.some((row) => row.setting === "" || row.measured === "")) return this.#warn("A row lacks its setting or what was measured there.");
    const name = byId("calibrated").value;
    const asked = JSON.stringify(this.#drafts[name]);
    this.#saving = true;
    this.#tell();
    try {
      const table = rows.map((row) => [Number(row.setting), Number(row.measured)]);
      tell(await ask("calibration", { hash: this.#file.hash, output, quantity, rows: table }, CHECK));
      if (JSON.stringify(this.#drafts[name]) === asked) delete this.#drafts[name]; // else somebody has typed on
      await this.#read();
    } catch (error) {
      this.#unsure = Boolean(error.lost); // whether it was saved: the file says it
      this.#warn(error.message);
    } finally {
      this.#saving = false;
      this.#tell();
    }
  }

  #tell() {
    if (!this.#file || byId("calibration").hidden) return;
    const { output } = this.#chosen;
    const status = this.outputs?.[output] ?? {};
    const cannot = this.running || !status.armed;
    for (const button of document.querySelectorAll(".row-test")) allow(button, !cannot);
    this.#keep();
    allow(byId("save-calibration"), !this.running && this.#dirty && !this.#saving);
    allow(byId("add-row"), this.acts);
    const file = this.#file.file;
    const text = this.running
      ? "A run is on: end it before you test or save."
      : this.#saving
        ? "The rig is being checked with the new table …"
        : this.#dirty
          ? `Not saved yet. Saving writes these values into ${file} and leaves all else of it as it is.`
          : `As in ${file}. The rig uses what the file said when it was started.`;
    say(byId("calibration-state"), text + (status.armed || this.running ? "" : " Arm the output to test it."));
  }

  #warn(text) {
    byId("calibration-problem").hidden = !text;
    say(byId("calibration-problem"), text);
  }

  #plot() {
    const canvas = byId("calibration-plot");
    const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio].map(Math.round);
    if (!width || !height || !byId("calibrated").value) return;
    [canvas.width, canvas.height] = [width, height];
    const points = this.#rows.filter((row) => row.setting !== "" && row.measured !== "").map((row) => [Number(row.setting), Number(row.measured)]).sort((a, b) => a[0] - b[0]);
    const { unit, setting } = this.#chosen;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const unitOf = devicePixelRatio;
    const [left, bottom, room] = [44 * unitOf, 26 * unitOf, 12 * unitOf];
    const [mostX, mostY] = [0, 1].map((i) => Math.max(...points.map((point) => point[i]), 1e-9) * 1.08);
    const x = (value) => left + (value / mostX) * (width - left - room);
    const y = (value) => height - bottom - (value / mostY) * (height - bottom - room);
    context.font = `${11 * unitOf}px system-ui, sans-serif`;
    context.fillStyle = style.getPropertyValue("--muted");
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = unitOf;
    context.strokeRect(left, room, width - left - room, height - bottom - room);
    context.textAlign = "center";
    context.fillText(setting === "width" ? "width, ms" : setting, (left + width) / 2, height - 7 * unitOf);
    context.textAlign = "right";
    if (!points.length) return;
    context.fillText(String(Number((mostY / 1.08).toPrecision(3))), left - 5 * unitOf, y(mostY / 1.08) + 4 * unitOf);
    context.fillText(`0 ${unit}`, left - 5 * unitOf, y(0));
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--accent");
    context.lineWidth = 1.8 * unitOf;
    context.beginPath();
    for (const [a, b] of points) context.lineTo(x(a), y(b));
    context.stroke();
    for (const [a, b] of points) {
      context.beginPath();
      context.arc(x(a), y(b), 3.5 * unitOf, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
