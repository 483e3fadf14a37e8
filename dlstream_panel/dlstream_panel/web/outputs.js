// The outputs: what each does, whether it is armed, its last answer; arm, disarm, and a timed test.

import { ask } from "./link.js";
import { allow, byId, keepChildren, make, mark, say, tell, turn } from "./dom.js";

const SILENT = 2500; // ms: an output reports five times a second, and the page hears of it once a second

export class Outputs {
  /** place: the id of the list; open: whether the tests are shown at once. */
  constructor(hello, link, place = "outputs", open = false) {
    this.hello = hello;
    this.link = link;
    this.place = byId(place);
    this.open = open;
  }

  show(state) {
    this.state = state;
    keepChildren(this.place, this.hello.outputs, (name) => this.#create(name), (item, name) => this.#update(item, name));
  }

  /** Calls done(milliseconds) when every output has said, from now on, that it is off and disarmed; done(null): it did not. */
  whenStopped(done) {
    const begin = performance.now();
    const wait = () => {
      const since = this.link.now() - (performance.now() - begin); // the rig's clock may have become known meanwhile
      const known = this.state?.outputs; // none before the first word of the rig
      const isOff = (output) => output?.at > since && !output.on && !output.armed;
      if (known && this.hello.outputs.every((name) => isOff(known[name]))) done(Math.round(performance.now() - begin));
      else if (performance.now() - begin < 5000) setTimeout(wait, 20);
      else done(null);
    };
    wait();
  }

  #create(name) {
    const ownNode = this.hello.nodes.includes(`/outputs/${name}`);
    const arm = make("button", { type: "button", class: "control arm", onclick: () => this.#arm(name) });
    const head = make("div", { class: "output-head" }, make("span", { class: "dot", "aria-hidden": "true" }), make("b", {}, name), make("span", { class: "what" }), arm);
    const item = make("li", {}, head, make("p", { class: "muted small answer" }));
    arm.hidden = !ownNode;
    if (ownNode && this.hello.actions[name]?.length) item.append(this.#testForm(name));
    return item;
  }

  #update(item, name) {
    const output = this.state.outputs[name] ?? {};
    const [, , what, arm] = item.firstChild.children;
    const silent = !output.at || this.link.now() - output.at > SILENT;
    const level = silent ? "silent" : output.on ? "on" : output.armed ? "ready" : "off";
    mark(item, "level", level);
    const armed = output.armed ? "armed" : output.armable ? "armed by a run" : "disarmed";
    say(what, silent ? (output.at ? "silent: what it does is not known" : "not heard yet") : `${output.state} · ${armed}`);
    turn(arm, output.armed ? "Disarm" : "Arm", !silent);
    arm.setAttribute("aria-label", `${arm.textContent} ${name}`);
    say(item.children[1], this.#answer(output));
    const test = item.querySelector("fieldset");
    if (test) allow(test, !silent && Boolean(output.armed) && this.state.experiment.status !== "running");
  }

  #answer(output) {
    const parts = [];
    const answer = output.answer;
    if (output.reason) parts.push(output.reason);
    if (answer?.action) {
      const late = answer.late === null ? "" : ` ${answer.late.toFixed(1)} ms after it was sent`;
      parts.push(answer.success ? `last: ${answer.action} of ${answer.source},${late}` : `refused ${answer.action}: ${answer.message}`);
    } else if (output.source) {
      parts.push(`last commanded by ${output.source}`); // before this panel was there
    }
    return parts.join(" · ");
  }

  #testForm(name) {
    const actions = this.hello.actions[name];
    const values = make("div", { class: "values" });
    const choose = make("select", { name: "action", "aria-label": `Action to test on ${name}` }, ...actions.map((item) => make("option", {}, item.action)));
    const fill = () => values.replaceChildren(...actions.find((item) => item.action === choose.value).values.map((value) => field(value)));
    choose.addEventListener("change", fill);
    fill();
    const seconds = make("input", { name: "seconds", type: "number", min: "0.01", max: "3600", step: "any", value: "1", required: true });
    const set = make("fieldset", { disabled: true }, make("legend", { class: "unseen" }, `Test of ${name}`), choose, values, make("label", {}, "for ", seconds, " s"), make("button", {}, "Test"));
    const form = make("form", { class: "control test", onsubmit: (event) => this.#test(event, name) }, set);
    return make("details", { class: "control", open: this.open }, make("summary", {}, "Test", make("span", { class: "unseen" }, ` ${name}`)), make("p", { class: "muted small" }, "The output itself ends it. Only while no run is on, and armed."), form);
  }

  async #arm(name) {
    const armed = !this.state.outputs[name]?.armed;
    try {
      tell(await ask("arm", { output: name, armed }));
    } catch (error) {
      tell(error.message, "problem");
    }
  }

  async #test(event, name) {
    event.preventDefault();
    event.submitter?.focus(); // in a field, S would be a letter
    const { action, seconds, ...values } = Object.fromEntries(new FormData(event.target));
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    try {
      tell(await ask("test", { output: name, action, values: given, seconds: Number(seconds) }));
    } catch (error) {
      tell(error.message, "problem");
    }
  }
}

function field({ name, kind, choices, required, meaning }) {
  const about = { name, title: meaning, required: required && kind !== "switch" };
  let input;
  if (kind === "choice") {
    input = make("select", about, ...(required ? [] : [make("option", { value: "" }, "–")]), ...choices.map((choice) => make("option", {}, choice)));
  } else if (kind === "switch") {
    input = make("input", { ...about, type: "checkbox", value: "true" });
  } else {
    input = make("input", { ...about, maxlength: "200", size: "6" });
  }
  return make("label", {}, `${name} `, input);
}
