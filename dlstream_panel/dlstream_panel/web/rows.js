// The four rows: stream, analysis, experiment and recording. Their state is what the nodes say, never what was clicked.

import { ask, read } from "./link.js";
import { byId, keepChildren, make, mark, openDialog, say, tell, turn } from "./dom.js";

const SILENT = 3500; // ms without a word of a node
const IN_RUN = "a run is on: end it first";

/** How a node is: {level, text}; level: ok, off, warn, error, silent or none. */
export function nodeState(state, name, now) {
  const node = state.nodes[name];
  if (!node) return { level: "none", text: "not of this rig" };
  if (!node.at) return { level: "silent", text: "not heard yet" };
  if (now - node.at > SILENT) return { level: "silent", text: `silent for ${Math.round((now - node.at) / 1000)} s` };
  if (["inactive", "unconfigured"].includes(node.values.lifecycle)) return { level: "off", text: "stopped" };
  return { level: node.level === "stale" ? "warn" : node.level, text: node.message };
}

/** The values that a node says of itself; none where it is silent: its last ones say nothing of now. */
export const valuesOf = (state, name, now) => (["silent", "none"].includes(nodeState(state, name, now).level) ? {} : state.nodes[name].values);

export class Rows {
  constructor(hello, link) {
    this.hello = hello;
    this.link = link;
    this.busy = new Set();
    byId("session-form").addEventListener("submit", (event) => this.#record(event));
  }

  show(state) {
    this.state = state;
    const rows = this.#rows(state);
    keepChildren(byId("rows"), Object.keys(rows), (key) => this.#create(key), (item, key) => this.#update(item, key, rows[key]));
    const recorder = valuesOf(state, "/recorder", this.link.now());
    const folder = recorder.session ? `writing to ${recorder.session}` : this.hello.recording ? `sessions go to ${this.hello.directory}` : "this rig has no recorder";
    say(byId("folder"), recorder.disk_free ? `${folder} · ${recorder.disk_free} free` : folder);
  }

  #rows(state) {
    const now = this.link.now();
    const [running, waiting] = ["running", "waiting"].map((status) => state.experiment.status === status);
    const rows = {};
    const cameras = this.#cameras(state);
    if (cameras.length) {
      const states = cameras.map((name) => nodeState(state, `/${name}/camera`, now));
      const worst = states.find((item) => item.level !== "ok") ?? states[0];
      const off = states.filter((item) => item.level === "off").length;
      const on = state.run ? off === 0 : off < states.length; // in a run none is stopped, but one that is may be started
      rows.camera = { label: "Stream", ...worst, on, locked: on && state.run ? IN_RUN : "" };
    }
    if ("/pose" in state.nodes) {
      const pose = nodeState(state, "/pose", now);
      const on = pose.level !== "off";
      rows.analysis = { label: "Analysis", ...pose, on, locked: on && state.run ? IN_RUN : "" };
    }
    if ("/experiment" in state.nodes) {
      const node = nodeState(state, "/experiment", now);
      const text = node.level === "silent" ? node.text : `${state.experiment.name ?? ""} ${state.experiment.status ?? ""}`.trim();
      rows.experiment = { label: "Experiment", level: node.level === "silent" ? "silent" : running ? "ok" : node.level === "ok" ? "off" : node.level, text: (waiting && node.level !== "silent" && state.experiment.reason) || text, on: running || waiting };
    }
    if (this.hello.recording) {
      const node = nodeState(state, "/recorder", now);
      const { session } = valuesOf(state, "/recorder", now);
      const byService = this.hello.recording === "service";
      const why = byService ? "" : this.hello.recording === "experiment" ? "it records while the experiment runs" : "it records while the rig runs";
      rows.recording = { label: "Recording", ...node, level: node.level === "ok" && !session ? "off" : node.level, on: Boolean(session), locked: why };
    }
    return rows;
  }

  #cameras(state) {
    return this.hello.cameras.filter((name) => `/${name}/camera` in state.nodes);
  }

  #create(key) {
    const button = make("button", { type: "button", class: "control", onclick: () => this.#toggle(key) });
    return make("li", {}, make("span", { class: "dot", "aria-hidden": "true" }), make("b", { class: "label" }), make("span", { class: "what" }), button);
  }

  #update(item, key, row) {
    const [, label, what, button] = item.children;
    mark(item, "level", row.level);
    say(label, row.label);
    say(what, row.text);
    what.title = row.text;
    const word = row.on ? "Stop" : "Start";
    const asked = row.level !== "silent" || (key === "experiment" && row.on); // a run that may be on can always be ended
    turn(button, word, !this.busy.has(key) && asked && !row.locked);
    button.setAttribute("aria-label", `${word} ${row.label.toLowerCase()}`);
    button.title = row.locked ?? "";
    button.onclick = null;
    item.dataset.on = row.on ? "yes" : "no";
  }

  async #toggle(key) {
    const on = this.#rows(this.state)[key].on;
    if (key === "recording" && !on) {
      byId("session-form").reset(); // never yesterday's animal
      say(byId("session-folder"), `It will be written below ${this.hello.directory}.`);
      openDialog("session");
      if (this.hello.pages.includes("sessions")) this.#offerSubjects();
      return;
    }
    const requests = (key === "camera" ? this.#cameras(this.state) : [""]).map((camera) => ({ what: key, camera, on: !on }));
    await this.#do(key, requests.filter((request) => key !== "camera" || !this.#isDone(request)));
  }

  /** The subjects of the sessions that are there, to choose from: a name that is typed twice is soon typed in two ways. */
  async #offerSubjects() {
    const { sessions } = await read("sessions").catch(() => ({ sessions: [] }));
    const names = [...new Set(sessions.map((session) => session.subject).filter(Boolean))];
    byId("subjects").replaceChildren(...names.map((value) => make("option", { value })));
  }

  async #record(event) {
    if (event.submitter?.value !== "start") return;
    const { name, subject, notes } = Object.fromEntries(new FormData(event.target));
    await this.#do("recording", [{ what: "recording", on: true, name, metadata: { subject, notes } }]);
  }

  /** Each by itself: what one refuses keeps no other. Only when the nodes have said what has become of it can it be pressed again. */
  async #do(key, requests) {
    this.busy.add(key);
    await Promise.all(requests.map((request) => this.#ask(request)));
    this.busy.delete(key);
    this.show(this.state);
  }

  async #ask(request) {
    try {
      tell(await ask("run", request));
    } catch (error) {
      return tell(error.message, "problem");
    }
    const end = performance.now() + SILENT;
    while (!this.#isDone(request) && performance.now() < end) await new Promise((done) => setTimeout(done, 20));
  }

  /** Whether the node says that it is as this asks for. */
  #isDone({ what, camera, on }) {
    if (what !== "camera") return this.#rows(this.state)[what].on === on;
    return (nodeState(this.state, `/${camera}/camera`, this.link.now()).level !== "off") === on;
  }
}
