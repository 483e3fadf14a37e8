// The experiment: its state and diagram, the time that is left, and its counters.

import { Diagram } from "./diagram.js";
import { byId, clock, keepChildren, make, mark, say } from "./dom.js";

const SILENT = 3500; // ms: the experiment says its state once a second

export class Protocol {
  constructor(hello, link, triggers) {
    [this.hello, this.link] = [hello, link];
    byId("protocol-card").hidden = !hello.nodes.includes("/experiment");
    this.triggers = triggers;
    this.diagram = new Diagram();
  }

  show(state) {
    const said = state.experiment;
    // What has failed says no more, and does no more; all else may go on unheard.
    const silent = Boolean(said.status) && !this.hello.simulated && said.status !== "fault" && this.link.now() - said.at > SILENT;
    const experiment = silent ? { ...said, status: "silent", state: "silent: what it does is not known", reason: "" } : said;
    const known = Boolean(experiment.status);
    const phase = byId("phase");
    phase.hidden = !known;
    mark(phase, "phase", experiment.status ?? "");
    say(phase.querySelector(".text"), known ? `${experiment.name}: ${experiment.status}` : "");
    phase.title = phase.textContent;
    say(byId("elapsed"), known ? this.#time(experiment) : "");
    say(byId("state"), experiment.state || (experiment.status === "running" ? "running" : (experiment.status ?? "not heard yet")));
    byId("reason").hidden = !experiment.reason;
    say(byId("reason"), experiment.reason ?? "");
    this.#counts(experiment.counts ?? {});
    this.diagram.show({ ...state, experiment });
    this.triggers.show(state.triggers, silent);
  }

  #time({ status, elapsed }) {
    const left = this.diagram.longest === null || status !== "running" ? "" : ` · ${clock(this.diagram.longest - elapsed)} left`;
    return `${clock(elapsed)}${left}`;
  }

  #counts(counts) {
    keepChildren(
      byId("counts"),
      Object.keys(counts),
      (name) => make("div", {}, make("dt", {}, name.replaceAll("_", " ")), make("dd", {})),
      (item, name) => say(item.lastChild, counts[name]),
    );
  }
}
