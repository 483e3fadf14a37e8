// The sessions of the rig's folder: a list with a search, and one of them with its pictures, tables and report.

import { allow, byId, clock, keepChildren, make, mark, say, tell } from "./dom.js";
import { ask, read } from "./link.js";
import { valuesOf } from "./rows.js";

const NAMES = { overlay: "poses on a frame", trajectory: "path", occupancy: "time by place", latency: "latency", stimuli: "stimuli" };

/** Bytes in words. */
const size = (bytes) => (bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const count = (number) => (number === null ? "–" : number.toLocaleString("en"));
/** Its date and time, as far as so many letters; footage without a date has none. */
const began = (session, letters) => (session.dated ? session.created.slice(0, letters).replace("T", " ") : "–");

/** What could not be read, one a line. */
function unreadable({ unreadable, unreadable_more: more }) {
  return [...unreadable, ...(more ? [`and ${more} more`] : [])].join("\n");
}

export class Sessions {
  #asked = 0;
  #job = null;

  constructor(hello, link, jobs) {
    [this.hello, this.link, this.jobs, this.chosen, this.shown, this.recording] = [hello, link, jobs, "", false, ""];
    byId("session-search").addEventListener("input", () => this.#list());
    byId("make-report").addEventListener("click", () => this.#start("report"));
    byId("replay-same").addEventListener("click", () => this.#start("replay"));
    byId("replay").addEventListener("submit", (event) => this.#replay(event));
    byId("session-list").addEventListener("keydown", (event) => this.#arrows(event));
    jobs.onchange((job) => this.#reported(job));
  }

  enter() {
    this.shown = true;
    this.#again();
  }

  leave() {
    this.shown = false;
  }

  state(state) {
    for (const id of ["make-report", "replay-same", "what-if"]) allow(byId(id), !state.run && !state.job.running && Boolean(this.chosen));
    byId("make-report").title = state.run ? "A run is on: end it first." : "";
    const recording = (valuesOf(state, "/recorder", this.link.now()).session ?? "").split("/").at(-1);
    const changed = this.recording !== recording;
    this.recording = recording;
    if (changed) this.#again();
  }

  /** Reads the list and the session that is open once more, where they are seen: a recording has begun or ended. */
  #again() {
    if (!this.shown) return;
    this.#list();
    if (this.chosen) this.#open(this.chosen);
  }

  async #list() {
    const number = ++this.#asked;
    const subject = byId("session-search").value.trim();
    let [found, problem] = [null, ""];
    try {
      found = await read(`sessions?${new URLSearchParams({ subject })}`);
      problem = unreadable(found);
    } catch (error) {
      problem = `${error.message}: the list was not read`;
    }
    if (number !== this.#asked) return; // somebody has typed on
    say(byId("sessions-problem"), problem);
    byId("sessions-problem").hidden = !problem;
    if (!found) return;
    const { sessions, totals } = found;
    const more = found.left_out ? `; ${found.left_out} older ones are not listed: search for them` : "";
    const analyses = totals.analyses ? `; ${totals.analyses} analys${totals.analyses === 1 ? "is" : "es"}` : "";
    say(byId("sessions-total"), sessions.length ? `${totals.sessions} session${totals.sessions === 1 ? "" : "s"} of ${totals.subjects} subject${totals.subjects === 1 ? "" : "s"}, ${clock(totals.seconds)}, ${count(totals.frames)} frames${analyses}${more}` : subject ? `none of a subject like "${subject}"` : "none yet");
    byId("sessions-empty").hidden = sessions.length > 0;
    keepChildren(byId("session-list"), sessions.map((session) => session.id), (id) => this.#row(id), (row, id) => this.#fill(row, sessions.find((session) => session.id === id)));
    if (!sessions.some((session) => session.id === this.chosen) && sessions.length) this.#open(sessions[0].id);
  }

  #row(id) {
    const button = make("button", { type: "button", onclick: () => this.#open(id) }, make("b", {}), make("time", {}));
    const cells = ["experiment", "length", "frames", "lost", "faults"].map((name) => make("td", { class: name }));
    return make("tr", {}, make("th", { scope: "row" }, button), ...cells);
  }

  #fill(row, session) {
    const [button] = row.firstChild.children;
    const state = session.name === this.recording ? "recording now" : session.state;
    say(button.children[0], session.subject || "no subject");
    button.children[0].title = session.subject;
    mark(button.children[0], "known", session.subject ? "yes" : "no");
    say(button.children[1], `${began(session, 16)}${session.offline ? " (analysis)" : ""}`);
    button.setAttribute("aria-pressed", String(session.id === this.chosen));
    const usual = ["complete", "recovered"].includes(state);
    const texts = [session.experiment || "–", session.seconds === null ? "–" : clock(session.seconds), count(session.frames), count(session.lost), count(session.faults)];
    texts.forEach((text, place) => say(row.children[place + 1], text));
    if (!usual) say(row.children[2], state);
    mark(row.children[2], "bad", usual || state === "recording now" ? "no" : "yes");
    for (const place of [4, 5]) mark(row.children[place], "bad", Number(place === 4 ? session.lost : session.faults) > 0 ? "yes" : "no");
  }

  #arrows(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...byId("session-list").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    next.focus();
    next.click();
    event.preventDefault();
    event.stopPropagation();
  }

  async #open(id) {
    this.chosen = id;
    this.#print();
    for (const row of byId("session-list").children) row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.key === id));
    const about = await read(`sessions/${id}`).catch((error) => error);
    if (this.chosen !== id) return;
    byId("session-detail").hidden = about instanceof Error;
    if (about instanceof Error) return tell(about.message, "problem");
    say(byId("session-name"), about.name);
    const lost = about.lost ? `${count(about.lost)} of ${count(about.frames + about.lost)}` : "none";
    const facts = {
      subject: about.subject || "none named",
      experiment: about.experiment || "none",
      recorded: began(about, 19),
      length: about.seconds === null ? about.state : clock(about.seconds),
      frames: count(about.frames),
      "lost frames": lost,
      poses: count(about.poses),
      network: about.networks.join(", ") || "none",
      commands: count(about.commands),
      faults: count(about.faults),
      state: `${about.name === this.recording ? "recording now" : about.state}${about.offline ? ", an analysis" : ""}`,
      ...about.metadata,
    };
    byId("session-facts").replaceChildren(...Object.entries(facts).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { "data-bad": ["faults", "lost frames"].includes(name) && value !== "0" && value !== "none" ? "yes" : null }, value))));
    const path = (name) => `/api/sessions/${id}/${encodeURIComponent(name)}`;
    const stamp = Date.now(); // the report makes them again
    byId("session-pictures").replaceChildren(
      ...about.pictures.map((name) => {
        const title = NAMES[name.split(".")[0]] ?? name;
        const link = make("a", { href: path(name), target: "_blank", rel: "noopener" }, make("img", { src: `${path(name)}?${stamp}`, alt: `${title} of this session`, loading: "lazy" }), make("figcaption", {}, title));
        return make("figure", {}, link);
      }),
    );
    byId("no-pictures").hidden = about.pictures.length > 0;
    byId("session-tables").replaceChildren(...about.tables.map((file) => make("li", {}, make("a", { href: path(file.name), download: file.name }, file.name), make("span", { class: "muted small" }, size(file.bytes)))));
  }

  /** Decides again on a session's poses, with another value. */
  #replay(event) {
    event.preventDefault();
    const [parameter, value] = ["what-parameter", "what-value"].map((id) => byId(id).value.trim());
    if (!parameter || !value) return tell("What if needs both: a parameter of the experiment, such as triggers.in_left.dwell, and its value.", "problem");
    return this.#start("replay", { parameter, value });
  }

  async #start(what, change = {}) {
    try {
      await ask("start-job", { what, session: this.chosen, ...change });
    } catch (error) {
      tell(error.message, "problem");
    }
  }

  #reported(job) {
    this.#job = job;
    this.#print();
    if (job.name === "run" && !job.running) this.#again();
    if (job.name === "report" && !job.running && job.session === this.chosen) this.#open(this.chosen);
  }

  /** What the report or replay of this session has printed, whoever has started it. */
  #print() {
    const job = this.#job;
    const own = ["report", "replay"].includes(job?.name) && job.session === this.chosen;
    byId("report-text").hidden = !own;
    if (own) say(byId("report-text"), job.lines.join("\n") || `the ${job.name} is being made …`);
  }
}
