// The page Wizard: step by step to a rig and an experiment. The answers stay in this window, also when it is loaded
// again; the server says at each change what they come to and what does not fit.

import { allow, byId, keepChildren, make, mark, say, tell } from "./dom.js";
import { ask, read } from "./link.js";
import { Answers, beginning } from "./wizard_answers.js";
import { newCamera, pictureOf, refusedName, removed, renamed, shotKey, watching } from "./wizard_cameras.js";
import { groundsOf, keeperOf } from "./wizard_regions.js";
import { showFields, showOutputs, showReading, showRegions } from "./wizard_steps.js";

const STEPS = {
  camera: ["Cameras", "Which pictures does the rig look at?"],
  network: ["Network", "Which network finds the animal in them?"],
  protocol: ["Protocol", "What is to happen when? Begin with an experiment that comes close, and change its values."],
  outputs: ["Outputs", "What is switched on? `log` only writes down what it would do: try it with that first."],
  regions: ["Regions", "Where on the picture? Draw the regions, and set the points at which triggers aim."],
  read: ["Read it", "Is this the experiment that you mean?"],
  files: ["Write and run", "Both files are written, and checked as a whole. Nothing is overwritten."],
};
const NAMES = Object.keys(STEPS);
const LOOK = 60_000; // ms

export class Wizard {
  #asked = 0;
  #looking = null;
  #lists = null;
  #devices = { devices: [], remarks: [] };
  #made = null; // what the answers come to
  #madeOf = null; // the answers of which that was said
  #job = { running: false };
  #pictures = {}; // when each camera took its last one
  #taking = "";
  #writing = false;

  constructor(hello, jobs) {
    this.hello = hello;
    this.kept = new Answers(hello);
    this.#begin(this.kept.read());
    byId("steps").replaceChildren(...NAMES.map((name, number) => make("li", {}, make("button", { type: "button", "data-step": name, onclick: () => this.#go(name) }, make("span", { class: "number", "aria-hidden": "true" }, String(number + 1)), make("b", {}, STEPS[name][0]), make("span", { class: "mark small" })))));
    const on = (id, kind, act) => byId(id).addEventListener(kind, act);
    on("step-back", "click", () => this.#go(NAMES[NAMES.indexOf(this.step) - 1]));
    on("step-next", "click", () => this.#go(NAMES[NAMES.indexOf(this.step) + 1]));
    on("w-again", "click", () => this.#again());
    for (const button of document.querySelectorAll(".w-look")) button.addEventListener("click", () => this.#read());
    on("w-devices", "click", () => this.#lookForCameras());
    on("w-picture-button", "click", () => this.#take());
    for (const radio of document.querySelectorAll("[name=w-kind]")) radio.addEventListener("change", () => this.#camera({ kind: radio.value }));
    on("w-video", "change", () => this.#camera({ video: byId("w-video").value }));
    on("w-device", "change", () => this.#camera(JSON.parse(byId("w-device").value || '{"source":"","serial":""}')));
    on("w-camera-name", "change", () => this.#rename(byId("w-camera-name").value.trim()));
    on("w-add-camera", "click", () => this.#add());
    on("w-remove-camera", "click", () => this.#remove());
    on("w-watched", "change", () => this.#answer(watching(this.answers, byId("w-watched").value)));
    on("w-network", "change", () => this.#answer({ network: byId("w-network").value }));
    on("w-scale", "change", () => this.#scale(byId("w-scale")));
    on("w-template", "change", () => this.#answer({ template: byId("w-template").value, values: {}, regions: null, outputs: {} }));
    on("w-more", "submit", (event) => this.#more(event));
    for (const [id, key] of [["w-rig", "rig"], ["w-title", "title"], ["w-rig-file", "rig_file"], ["w-experiment-file", "experiment_file"]]) on(id, "change", () => this.#answer({ [key]: byId(id).value.trim() }));
    on("w-write", "click", () => this.#write());
    on("w-run", "click", () => this.#run());
    on("w-end", "click", () => ask("end-job").then(tell, (error) => tell(error.message, "problem")));
    jobs.onchange((job) => this.#reported(job));
  }

  async enter() {
    if (!this.#lists) await this.#read();
    else await this.#look();
  }

  state(state) {
    this.busy = state.job.running;
    this.#buttons();
  }

  // Answers.

  get #shown() {
    return this.answers.cameras[this.number] ?? this.answers.cameras[0];
  }

  #camera(change) {
    this.#answer({ cameras: this.answers.cameras.map((camera) => (camera === this.#shown ? { ...camera, ...change } : camera)) });
  }

  #add() {
    const { cameras } = this.answers;
    this.number = cameras.length;
    this.#answer({ cameras: [...cameras, newCamera(cameras, this.#lists?.videos)] });
    byId("w-camera-name").focus();
    byId("w-camera-name").select();
  }

  #rename(name) {
    const refused = refusedName(this.answers.cameras, this.number, name);
    if (!refused) return this.#answer(renamed(this.answers, this.number, name));
    byId("w-camera-name").value = this.#shown.name;
    tell(refused, "problem");
  }

  #scale(input) {
    if (input.checkValidity()) return this.#answer({ scale: Number(input.value) || null });
    input.value = this.answers.scale ?? "";
    tell(`The scale needs a number from ${input.min} to ${input.max}, or nothing for the network's own: it stays as it was.`, "problem");
  }

  #remove() {
    const number = this.number;
    this.number = Math.max(0, number - 1);
    this.#answer(removed(this.answers, number));
  }

  #answer(change) {
    this.answers = { ...this.answers, ...change };
    this.written = "";
    this.#keep();
    return this.#look();
  }

  #begin({ answers, step, visited, number, written, pictures }) {
    [this.answers, this.step, this.visited, this.number, this.written] = [answers, step, new Set(visited), number, written]; // number: of the camera that is shown
    this.#pictures = pictures;
  }

  #keep() {
    this.kept.keep({ answers: this.answers, step: this.step, visited: [...this.visited], written: this.written, number: this.number, pictures: this.#pictures });
  }

  #again() {
    this.#begin({ ...beginning(), pictures: this.#pictures });
    this.#keep();
    this.#go("camera");
    this.#read();
  }

  #more(event) {
    event.preventDefault();
    const [key, ...rest] = byId("w-more-key").value.split("=");
    if (!key.trim() || !rest.length) return tell("Expected KEY=VALUE, such as seed=7; KEY= takes it back", "problem");
    byId("w-more-key").value = "";
    this.#set(key.trim(), rest.join("=").trim());
  }

  /** The value of a key; an empty text takes it back. */
  #set(key, text) {
    const { [key]: _old, ...values } = this.answers.values;
    this.#answer({ values: text.trim() ? { ...values, [key]: text } : values });
  }

  async #read() {
    try {
      this.#lists = await read("wizard");
    } catch (error) {
      return tell(error.message, "problem");
    }
    const { cameras, network } = this.answers;
    const { videos } = this.#lists;
    this.answers.cameras = cameras.map((camera) => (camera.kind === "video" && !videos.includes(camera.video) ? { ...camera, video: videos[0] ?? "" } : camera));
    if (!this.#lists.networks.includes(network)) this.answers.network = this.#lists.networks[0];
    await this.#look();
  }

  /** Asks what the answers come to, those of the last moment: one question at a time, and again where an answer is lost. */
  async #look() {
    this.#asked++;
    this.#looking ??= this.#lookAll();
    this.#show();
    await this.#looking;
  }

  async #lookAll() {
    try {
      for (let seen = 0, told = false; seen !== this.#asked; ) {
        const number = this.#asked;
        try {
          const { answers } = this;
          this.#made = await ask("wizard-look", { answers }, LOOK);
          this.#madeOf = answers;
          seen = number;
        } catch (error) {
          if (!told) tell(error.message, "problem");
          told = true;
          if (!error.lost) seen = number;
          else await new Promise((done) => setTimeout(done, 1000));
        }
        this.#show();
      }
    } finally {
      this.#looking = null; // also where an answer can't be shown: the next one may
    }
  }

  // Regions are drawn on the page of regions, and kept here.

  keeper = keeperOf({
    answers: () => this.answers,
    made: () => (this.#madeOf === this.answers ? this.#made : null),
    settled: () => (this.#lists ? this.#looking : this.enter()),
    answer: (change) => this.#answer(change),
  });

  /** The pictures on which they are drawn. */
  async grounds() {
    return groundsOf(this.answers, this.#pictures);
  }

  // Cameras.

  async #lookForCameras() {
    allow(byId("w-devices"), false);
    say(byId("w-devices"), "Looking …");
    try {
      this.#devices = await read("wizard/cameras");
      const taken = this.answers.cameras.map(shotKey);
      const [first] = this.#devices.devices.filter((one) => !taken.includes(shotKey({ ...one, kind: "device" })));
      if (!this.#devices.devices.length) tell("No camera was found. Is it plugged in, and its library installed?", "problem");
      else if (!this.#shown.serial && first) this.#camera({ source: first.source, serial: first.serial });
    } catch (error) {
      tell(error.message, "problem");
    }
    allow(byId("w-devices"), true);
    say(byId("w-devices"), "Look for cameras");
    this.#look();
  }

  async #take() {
    const before = this.#taking;
    try {
      this.#taking = shotKey(this.#shown); // before the job can end
      await ask("wizard-picture", { camera: this.#shown });
    } catch (error) {
      this.#taking = this.#job.running ? before : ""; // else another page's picture would pass for this camera's
      tell(error.message, "problem");
    }
  }

  // Writing and running.

  async #write() {
    const { answers } = this;
    const asked = JSON.stringify(answers);
    this.#writing = true;
    this.#buttons();
    try {
      tell(await ask("wizard-write", { answers }, 60_000));
      if (JSON.stringify(this.answers) === asked) this.written = answers.rig_file;
      else tell("The files have the answers of before your last change: write them again.", "problem");
      this.#keep();
    } catch (error) {
      tell(error.message, "problem");
    }
    this.#writing = false;
    this.#look();
  }

  async #run() {
    try {
      tell(await ask("wizard-run", { rig_file: this.written, subject: byId("w-subject").value }));
    } catch (error) {
      tell(error.message, "problem");
    }
  }

  #reported(job) {
    this.#job = job;
    if (job.name === "picture" && !job.running && this.#taking) {
      this.#taken(job, this.#taking);
      this.#taking = "";
    }
    this.#show();
  }

  /** A trial has ended, well or not: the picture is there if one came. */
  async #taken(job, key) {
    const [source, serial] = key.split("\n");
    const answer = await fetch(`/api/wizard/picture?${new URLSearchParams({ source, serial })}`).catch(() => null);
    if (answer?.ok) this.#pictures[key] = job.ended;
    else tell(`No picture came: ${job.lines.slice(-3).join(" ")}`, "problem");
    this.#keep();
    this.#show();
  }

  // What is seen.

  #go(name) {
    if (!name) return;
    this.step = name;
    this.visited.add(name);
    this.#keep();
    this.#show();
    byId("step-title").focus();
    byId("step-title").closest(".step-scroll").scrollTop = 0;
  }

  #show() {
    const { answers, step } = this;
    const problems = this.#made?.problems ?? [];
    const [title, about] = STEPS[step];
    say(byId("step-title"), title);
    say(byId("step-about"), about);
    say(byId("w-folder"), this.#lists?.folder ?? "");
    for (const part of document.querySelectorAll(".step")) part.hidden = part.dataset.step !== step;
    for (const button of byId("steps").querySelectorAll("button")) {
      const name = button.dataset.step;
      const wrong = problems.some((problem) => problem.step === name);
      const state = !this.visited.has(name) ? "" : wrong ? "open" : name === "files" && !this.written ? "" : "done";
      mark(button, "state", state);
      say(button.querySelector(".mark"), { open: "to do", done: "✓", "": "" }[state]);
      if (name === step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    const own = problems.filter((problem) => problem.step === step || step === "files" || step === "read");
    byId("step-problems").hidden = own.length === 0;
    keepChildren(byId("step-problems"), own.map((one) => `${one.step} ${one.text}`), () => make("p", {}), (line, key) => say(line, own.find((one) => `${one.step} ${one.text}` === key).text));
    allow(byId("step-back"), step !== NAMES[0]);
    allow(byId("step-next"), step !== NAMES.at(-1));
    this.#showCamera(this.#shown);
    this.#options("w-network", this.#lists?.networks ?? [], answers.network);
    this.#value("w-scale", answers.scale ?? "");
    byId("w-one-network").hidden = answers.cameras.length < 2;
    const animals = this.#made?.animals;
    say(byId("w-keypoints"), this.#made?.keypoints ? `It finds ${this.#made.keypoints.join(", ")}${animals?.length > 1 ? `, of ${animals.length} animals` : ""}.` : "");
    this.#options("w-template", (this.#lists?.templates ?? []).map((one) => one.name), answers.template, (name) => name.replaceAll("_", " "));
    say(byId("w-template-about"), this.#lists?.templates.find((one) => one.name === answers.template)?.about ?? "");
    showFields(this.#made?.fields ?? [], (key, text) => this.#set(key, text));
    showOutputs(this.#made?.outputs ?? [], answers.outputs, this.#lists?.types ?? [], (outputs) => this.#answer({ outputs }));
    showRegions(this.#made?.drawing);
    showReading(this.#made);
    for (const [id, key] of [["w-rig", "rig"], ["w-title", "title"], ["w-rig-file", "rig_file"], ["w-experiment-file", "experiment_file"]]) this.#value(id, answers[key]);
    say(byId("made-rig"), this.#made?.rig_text || "Camera, network and outputs come first.");
    say(byId("made-experiment"), this.#made?.experiment_text || "The protocol comes first.");
    say(byId("made-rig-name"), answers.rig_file);
    say(byId("made-experiment-name"), answers.experiment_file);
    this.#buttons();
  }

  #showCamera(camera) {
    const { cameras } = this.answers;
    keepChildren(
      byId("w-cameras"),
      cameras.map((_, number) => String(number)),
      (key) => make("button", { type: "button", onclick: () => ((this.number = Number(key)), this.#keep(), this.#show()) }),
      (button, key) => {
        say(button, cameras[Number(key)].name || "no name");
        button.setAttribute("aria-pressed", String(cameras[Number(key)] === camera));
      },
    );
    byId("w-remove-camera").hidden = byId("w-watched-label").hidden = cameras.length < 2;
    const names = [...new Set(cameras.map((one) => one.name))];
    this.#options("w-watched", names, names.includes(this.answers.camera) ? this.answers.camera : names[0]);
    for (const radio of document.querySelectorAll("[name=w-kind]")) radio.checked = radio.value === camera.kind;
    for (const part of document.querySelectorAll("#wizard-page [data-kind]")) part.hidden = !part.dataset.kind.split(" ").includes(camera.kind);
    const videos = this.#lists?.videos ?? [];
    this.#options("w-video", videos, camera.video);
    byId("w-no-video").hidden = camera.kind !== "video" || videos.length > 0;
    const devices = this.#devices.devices.map(({ source, serial }) => JSON.stringify({ source, serial }));
    this.#options("w-device", devices, JSON.stringify({ source: camera.source, serial: camera.serial }), (key) => {
      const one = this.#devices.devices[devices.indexOf(key)];
      return `${one.model || one.source} ${one.serial} ${one.interface}`.trim();
    });
    keepChildren(byId("w-remarks"), this.#devices.remarks, () => make("li", {}), say);
    this.#value("w-camera-name", camera.name);
    const image = byId("w-picture");
    const address = camera.kind !== "video" || videos.includes(camera.video) ? pictureOf(camera, this.#pictures, 0) : "";
    image.hidden = !address;
    if (address && image.getAttribute("src") !== address) image.src = address;
  }

  #options(id, values, chosen, words = (value) => value) {
    const select = byId(id);
    keepChildren(select, values, (value) => make("option", { value }), (option, value) => say(option, words(value)));
    if (select.value !== chosen) select.value = chosen;
  }

  #value(id, value) {
    const input = byId(id);
    if (document.activeElement !== input && input.value !== String(value)) input.value = value;
  }

  #buttons() {
    const wrong = (this.#made?.problems.length ?? 1) > 0;
    const job = this.#job;
    const runs = job.name === "run" && job.running;
    allow(byId("w-write"), !wrong && !runs && !this.#writing);
    allow(byId("w-picture-button"), !this.busy);
    say(byId("w-written"), this.#writing ? "Being written …" : wrong ? "Something does not fit yet: see above." : this.written ? `Written: ${this.written} and ${this.answers.experiment_file}.` : "Everything fits.");
    allow(byId("w-run"), Boolean(this.written) && !this.busy && !this.#writing);
    allow(byId("w-end"), runs);
    const ended = job.name === "run" && !job.running;
    say(byId("w-running"), runs ? (job.link ? "The rig runs. Its own page has the live pictures, the experiment and STOP." : "The rig starts …") : ended ? (job.code === 0 ? "The run has ended well." : `The run has ended with exit code ${job.code}: see what it printed.`) : this.written ? "" : "The files are written first.");
    byId("w-link").hidden = !(runs && job.link);
    if (job.link) byId("w-link").href = job.link;
    byId("w-session").hidden = !ended;
    byId("w-output").hidden = job.name !== "run";
    if (job.name === "run") say(byId("w-output"), job.lines.join("\n"));
  }
}
