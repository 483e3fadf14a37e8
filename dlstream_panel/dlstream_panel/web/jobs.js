// The command that runs on the rig's machine, read as the rig says that it has changed; and the page Checks.

import { allow, byId, clock, make, mark, say, tell } from "./dom.js";
import { ask, read } from "./link.js";

const CHECKS = {
  check: ["Does everything fit?", "Reads the rig file and every file that it names, and says what is wrong with its line. Some seconds.", "dlstream check"],
  camera: ["Do the cameras deliver?", "Reads all cameras for 5 s: rate, jitter, lost frames. Stop the stream on the page Rig first where a camera serves one program only.", "dlstream camera test"],
  network: ["Does the network see the animal?", "Takes 100 frames of each camera and says how sure the network is of each keypoint, and how long it takes.", "dlstream network test"],
  recording: ["Is every frame recorded?", "Records only the cameras for 10 s, reads the videos again, and counts the frames.", "dlstream recording test"],
  bench: ["Is this machine fast enough?", "Runs a second copy of the rig for 600 poses, with outputs that only log: nothing is switched on. The rig that runs beside it takes its share, so the real figures are better.", "dlstream bench"],
};

export class Jobs {
  #seen = -1;
  #reading = false;
  #listeners = [];

  onchange(listener) {
    this.#listeners.push(listener);
  }

  state(state) {
    if (state.job.number === this.#seen || this.#reading) return;
    this.#seen = state.job.number;
    this.#reading = true;
    read("job")
      .then((job) => this.#listeners.forEach((listener) => listener(job)))
      .catch(() => (this.#seen = -1))
      .finally(() => (this.#reading = false));
  }
}

export class Checks {
  #job = { running: false };

  constructor(link, jobs) {
    this.link = link;
    byId("check-list").replaceChildren(
      ...Object.entries(CHECKS).map(([what, [title, text, command]]) =>
        make("li", { class: "card check-item", "data-check": what }, make("div", { class: "card-head" }, make("h3", {}, title), make("button", { type: "button", class: "control", "aria-label": `Start: ${title}`, onclick: () => this.#start(what) }, "Start")), make("p", { class: "muted" }, text), make("p", { class: "check-end" }), make("code", { class: "muted small" }, command)),
      ),
    );
    byId("end-job").addEventListener("click", () => ask("end-job").then(tell, (error) => tell(error.message, "problem")));
    jobs.onchange((job) => this.#show(job));
    setInterval(() => this.#clock(), 500);
  }

  state(state) {
    this.running = state.run;
    byId("checks-locked").hidden = !state.run;
    for (const button of byId("check-list").querySelectorAll("button")) allow(button, !state.run && !state.job.running);
    allow(byId("end-job"), state.job.running);
  }

  async #start(what) {
    try {
      await ask("start-job", { what });
    } catch (error) {
      tell(error.message, "problem");
    }
  }

  #show(job) {
    this.#job = job;
    const text = byId("job-text");
    const low = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    say(byId("job-command"), job.name ? job.command.replace(/^dlstream (\S+ ?\S*) .*\/(\S+)/, "dlstream $1 $2") : "");
    say(text, job.name ? job.lines.join("\n") : "What a check prints appears here.");
    if (low) text.scrollTop = text.scrollHeight;
    const item = byId("check-list").querySelector(`[data-check="${job.name}"]`);
    if (item) mark(item, "end", job.running ? "running" : job.code === 0 ? "good" : "bad");
    if (item) say(item.querySelector(".check-end"), job.running ? "running …" : job.code === 0 ? `good, at ${new Date(job.ended).toTimeString().slice(0, 8)}` : `not good, at ${new Date(job.ended).toTimeString().slice(0, 8)}: see what it printed`);
    this.#clock();
  }

  #clock() {
    const { running, began, ended, code, name } = this.#job;
    const seconds = name ? ((running ? this.link.now() : ended) - began) / 1000 : 0;
    const end = !name || running ? "" : code === 0 ? "ended well" : `ended with exit code ${code}`;
    say(byId("job-news"), running ? "running" : end); // what is read aloud: not each second
    say(byId("job-state"), !name ? "" : running ? `running for ${clock(seconds)}` : `${end} after ${clock(seconds)}`);
    mark(byId("job-state"), "bad", !name || running || code === 0 ? "no" : "yes");
  }
}
