// The triggers: whether each is true, what it measures, and both as a curve of the last half minute with its threshold.

import { byId, keepChildren, make, mark, say } from "./dom.js";

const SPAN = 30_000; // ms
const GAP = 1000; // ms without a value after which a curve is broken
const UNCOUNTED = "how often it was true is not known: the panel was started after the run had begun";
const PERIOD = 100; // ms between two drawings

export class Triggers {
  #curves = new Map();
  #list = byId("triggers");

  constructor(link) {
    this.link = link;
    setInterval(() => this.#draw(), PERIOD);
  }

  /** What triggers measured at a time (ms since the epoch): {name: [value or null, true or false]}. */
  add(at, values) {
    for (const [name, [value, active]] of Object.entries(values)) {
      const points = this.#curves.get(name) ?? [];
      if (points.length && at < points.at(-1).at) continue; // of another camera's frame
      points.push({ at, value, active });
      while (points[0].at < at - SPAN - GAP) points.shift();
      this.#curves.set(name, points);
    }
  }

  /** silent: what triggers were when the experiment last spoke says nothing of now. */
  show(triggers, silent = false) {
    byId("triggers-title").hidden = !Object.keys(triggers).length;
    for (const name of this.#curves.keys()) if (!(name in triggers)) this.#curves.delete(name);
    keepChildren(this.#list, Object.keys(triggers), (name) => create(name), (item, name) => this.#update(item, name, triggers[name], silent));
  }

  #update(item, name, trigger, silent) {
    const newest = this.#curves.get(name)?.at(-1);
    const fresh = newest && this.link.now() - newest.at < 2 * GAP;
    const known = fresh || !silent;
    const active = fresh ? newest.active : known && trigger.active;
    mark(item, "active", active ? "yes" : "no");
    item.bounds = trigger.bounds;
    const [head, canvas] = item.children;
    const [, , value, limits, is] = head.children;
    const measured = fresh ? newest.value : !known || trigger.value === "" ? null : Number(trigger.value);
    const unit = unitOf(trigger.bounds);
    say(value, measured === null ? "" : `${short(measured)}${unit}`);
    const bounds = inWords(trigger.bounds);
    say(limits, bounds);
    say(is, !known ? "not known" : active ? "true" : "false");
    const counted = trigger.count !== null;
    head.title = `${name}: ${counted ? `${trigger.count} times true in this run` : UNCOUNTED}`;
    say(item.lastChild, counted ? `${trigger.count}×` : "–");
    item.lastChild.title = counted ? "" : UNCOUNTED;
    canvas.setAttribute("aria-label", `${name} in the last 30 s${bounds && `, true at ${bounds}${unit}`}`);
  }

  #draw() {
    if (document.hidden || !this.#list.offsetParent) return;
    const now = this.link.now();
    for (const item of this.#list.children) {
      const points = this.#curves.get(item.dataset.key) ?? [];
      draw(item.querySelector("canvas"), points, item.bounds ?? {}, now);
    }
  }
}

function create(name) {
  const head = make(
    "div",
    { class: "trigger-head" },
    make("span", { class: "dot", "aria-hidden": "true" }),
    make("b", {}, name),
    make("span", { class: "value" }),
    make("span", { class: "limits" }),
    make("span", { class: "is" }),
  );
  return make("li", {}, head, make("canvas", { role: "img" }), make("span", { class: "times" }));
}

/** Four digits at most: 12.34, 0.0512, 1234. */
function short(value) {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function unitOf({ unit = "" }) {
  return unit === "degrees" ? "°" : unit && ` ${unit}`;
}

/** The bounds as "≥ 5", "≤ 20" or "5 to 10". */
function inWords({ at_least: low, at_most: high }) {
  if (low !== undefined && high !== undefined) return low === high ? `= ${low}` : `${low} to ${high}`;
  return low !== undefined ? `≥ ${low}` : high !== undefined ? `≤ ${high}` : "";
}

function draw(canvas, points, bounds, now) {
  const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio].map(Math.round);
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name);
  context.clearRect(0, 0, width, height);
  const x = (at) => width * (1 - (now - at) / SPAN);
  const seen = points.filter((point) => point.at > now - SPAN - GAP);
  context.fillStyle = colour("--good");
  context.globalAlpha = 0.22;
  each(seen, (a, b) => a.active && context.fillRect(x(a.at), 0, x(b.at) - x(a.at), height));
  context.globalAlpha = 1;
  const lines = ["at_least", "at_most"].filter((key) => key in bounds).map((key) => Number(bounds[key]));
  const values = seen.map((point) => point.value).filter((value) => value !== null);
  const all = [...values, ...lines];
  if (!all.length) return;
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  [low, high] = [low - room, high + room];
  const y = (value) => height * (1 - (value - low) / (high - low));
  context.lineWidth = devicePixelRatio;
  context.strokeStyle = colour("--warn");
  context.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  context.beginPath();
  for (const line of lines) {
    context.moveTo(0, y(line));
    context.lineTo(width, y(line));
  }
  context.stroke();
  context.setLineDash([]);
  context.strokeStyle = colour("--accent");
  context.lineWidth = 1.6 * devicePixelRatio;
  context.beginPath();
  each(seen, (a, b) => {
    if (a.value === null || b.value === null) return;
    context.moveTo(x(a.at), y(a.value));
    context.lineTo(x(b.at), y(b.value));
  });
  context.stroke();
}

/** Calls f with each two points that belong together. */
function each(points, f) {
  for (let i = 1; i < points.length; i++) if (points[i].at - points[i - 1].at < GAP) f(points[i - 1], points[i]);
}
