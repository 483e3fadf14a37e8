// The experiment: its state, counters and triggers.

import { byId, clock, keepChildren, make, mark, say } from "./dom.js";

export class Protocol {
  constructor(hello) {
    byId("protocol-card").hidden = !hello.nodes.includes("/experiment");
  }

  show(state) {
    const experiment = state.experiment;
    const known = Boolean(experiment.status);
    const phase = byId("phase");
    phase.hidden = !known;
    mark(phase, "phase", experiment.status ?? "");
    say(phase.querySelector(".text"), known ? `${experiment.name}: ${experiment.status}` : "");
    say(byId("elapsed"), known ? clock(experiment.elapsed) : "");
    say(byId("state"), experiment.state || (experiment.status === "running" ? "running" : (experiment.status ?? "not heard yet")));
    byId("reason").hidden = !experiment.reason;
    say(byId("reason"), experiment.reason ?? "");
    this.#counts(experiment.counts ?? {});
    this.#triggers(state.triggers);
  }

  #counts(counts) {
    keepChildren(
      byId("counts"),
      Object.keys(counts),
      (name) => make("div", {}, make("dt", {}, name), make("dd", {})),
      (item, name) => say(item.lastChild, counts[name]),
    );
  }

  #triggers(triggers) {
    byId("triggers-title").hidden = !Object.keys(triggers).length;
    keepChildren(
      byId("triggers"),
      Object.keys(triggers).sort(),
      (name) =>
        make("li", {}, make("span", { class: "dot", "aria-hidden": "true" }), make("b", {}, name), make("span", { class: "is" }), make("span", { class: "value" })),
      (item, name) => {
        const trigger = triggers[name];
        mark(item, "active", trigger.active ? "yes" : "no");
        say(item.children[2], trigger.active ? "true" : "false");
        say(item.children[3], `${trigger.value ? `${Number(trigger.value).toPrecision(4)} · ` : ""}${trigger.count}×`);
      },
    );
  }
}
