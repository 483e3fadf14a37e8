// The protocol's diagram: boxes for states, arrows for what leads from one to another, the present state lit.

import { read } from "./link.js";
import { byId, make, mark, openDialog, say } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [HEAD, PAD, LINE] = [20, 8, 12.5]; // as the rig has laid it out
const COLOURS = 8;

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const text = (x, y, words, kind) => shape("text", { x, y, class: kind }, words);

/** Draws what the rig has laid out; returns an <svg> whose boxes have data-state. */
export function drawn({ size, boxes, curves }, name) {
  const [width, height] = size;
  const svg = shape("svg", { class: "diagram", role: "img", "aria-label": name, viewBox: `-8 -8 ${width + 16} ${height + 16}`, width: width + 16, height: height + 16 });
  for (const { arrow, points, heading } of curves) svg.append(...arrowOf(points, heading, arrow % COLOURS));
  for (const box of boxes) svg.append(boxOf(box));
  return svg;
}

function arrowOf(points, [dx, dy], colour) {
  const [[x, y]] = points;
  if (points.length === 1) return [shape("rect", { class: `way fill way-${colour}`, x: x - 2.5, y: y - 2.5, width: 5, height: 5 })];
  const pieces = [];
  for (let i = 1; i < points.length; i += 3) pieces.push(`C${points.slice(i, i + 3).join(" ")}`);
  const [endX, endY] = points.at(-1);
  const [backX, backY] = [endX - 7 * dx, endY - 7 * dy];
  const tip = `M${endX} ${endY} L${backX - 3 * dy} ${backY - 3 * dx} L${backX + 3 * dy} ${backY + 3 * dx} Z`;
  const path = `M${x} ${y} ${pieces.join(" ")}`;
  return [
    shape("path", { class: "way under", d: path }),
    shape("path", { class: `way line way-${colour}`, d: path }),
    shape("path", { class: `way fill way-${colour}`, d: tip }),
    shape("circle", { class: `way fill way-${colour}`, cx: x, cy: y, r: 2.4 }),
  ];
}

function boxOf({ name, kind, state, place, body, rows }) {
  const [x, y, width, height] = place;
  const group = shape("g", { class: "state-box", "data-state": state, "data-kind": kind });
  group.append(shape("rect", { class: "card-of", x, y, width, height, rx: 5 }));
  group.append(shape("rect", { class: "head-of", x, y, width, height: Math.min(HEAD, height), rx: 5 }));
  group.append(text(x + PAD, y + HEAD / 2, kind === "start" ? `▶ ${name}` : name, "head-text"));
  let below = y + HEAD + PAD * 0.6 + LINE / 2;
  for (const line of body) {
    group.append(text(x + PAD, below, line, "line-text"));
    below += LINE;
  }
  for (const [number, middle, lines] of rows) {
    const top = y + middle - ((lines.length - 1) * LINE) / 2;
    lines.forEach((line, i) => group.append(text(x + PAD, top + i * LINE, line, "line-text")));
    group.append(shape("rect", { class: `way fill way-${number % COLOURS}`, x: x + 2, y: y + middle - 4, width: 2.5, height: 8 }));
  }
  return group;
}

export class Diagram {
  #number = 0;
  #pictures = [];
  longest = null;

  constructor() {
    byId("diagram-large").addEventListener("click", () => openDialog("course"));
  }

  show(state) {
    if (state.course !== this.#number) this.#read(state.course);
    this.#light(state.experiment);
  }

  async #read(number) {
    this.#number = number;
    let course;
    try {
      course = await read("protocol");
    } catch (error) {
      say(byId("course-problem"), error.message);
      byId("course-problem").hidden = false;
      if (number === this.#number) this.#number = -1; // asked again with the next word of the rig
      return;
    }
    if (number !== this.#number || !course.overview) return;
    this.longest = course.longest;
    const whole = drawn(course.whole, `The protocol of ${course.experiment}`);
    this.#pictures = [drawn(course.overview, "The protocol's states"), whole];
    byId("diagram").replaceChildren(this.#pictures[0]);
    byId("course-diagram").replaceChildren(whole);
    byId("course-words").replaceChildren(...course.words.map((line) => make("li", {}, line)));
    byId("course-problem").hidden = true;
    byId("diagram-box").hidden = false;
    this.#lit = undefined;
  }

  #lit = undefined;

  #light(experiment) {
    const running = experiment.status === "running";
    const over = experiment.status === "finished" || experiment.status === "fault";
    const now = `${experiment.status} ${experiment.state}`;
    if (now === this.#lit) return;
    this.#lit = now;
    for (const picture of this.#pictures) {
      for (const box of picture.querySelectorAll(".state-box")) {
        const lit = running ? box.dataset.state === experiment.state && box.dataset.kind !== "end" : over && box.dataset.kind === "end";
        mark(box, "lit", lit ? "yes" : "no");
      }
    }
  }
}
