// The picture on which regions are drawn: a canvas below, an SVG of shapes and handles above it.
// Pixels: the origin is the centre of the top-left pixel, so the SVG's view begins at -0.5.

import { brief, make, mark, say, settle } from "./dom.js";
import { anchors, bounds, center, drawn, handles, moved, onGrid, outline, pulled, snapped } from "./shapes.js";

const REACH = 14; // screen pixels around a handle that take the pointer: 28 across
const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export class Stage {
  #size = [640, 480];
  #drag = null;
  #corners = [];
  drawnAt = null; // when the picture came, by performance.now(); null: there is none

  /** host: where it stands. on: {change(what, name, value, done), select(item), tool(), step(), sticky(), editable(), scaled(a, b), hover(at)} */
  constructor(host, on) {
    this.on = on;
    this.items = [];
    this.selected = null;
    this.canvas = make("canvas", { role: "img", "aria-label": "Picture of the camera" });
    this.svg = svg("svg", { role: "group", "aria-label": "Regions on the picture", tabindex: "0", class: "drawing" });
    this.veil = make("p", { class: "veil" });
    this.box = make("div", { class: "sheet" }, this.canvas, this.veil, this.svg);
    host.append(this.box);
    this.svg.addEventListener("pointerdown", (event) => this.#down(event));
    this.svg.addEventListener("pointermove", (event) => this.#move(event));
    this.svg.addEventListener("pointerup", (event) => this.#up(event));
    this.svg.addEventListener("pointercancel", (event) => this.#drag?.pointer === event.pointerId && this.cancel());
    this.svg.addEventListener("dblclick", () => this.finish());
    new ResizeObserver(() => this.render()).observe(this.box);
    this.resize(this.#size);
  }

  resize(size) {
    this.#size = size;
    this.svg.setAttribute("viewBox", `-0.5 -0.5 ${size[0]} ${size[1]}`);
    this.box.style.setProperty("--aspect", size[0] / size[1]);
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
      this.drawnAt = null;
    }
    this.render();
  }

  get size() {
    return this.#size;
  }

  picture(image) {
    if (image.width !== this.#size[0] || image.height !== this.#size[1]) this.resize([image.width, image.height]);
    this.canvas.getContext("2d").drawImage(image, 0, 0);
    this.drawnAt = performance.now();
  }

  /** Takes the picture away: what is drawn on another camera's would be elsewhere on its own. */
  clear() {
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.drawnAt = null;
  }

  /** Says over a grey picture why it is not to be drawn on; empty: it is. */
  cover(text) {
    say(this.veil, text);
    mark(this.box, "live", text ? "no" : "yes");
  }

  /** Shows items: [{kind, name, shape | at}], the selected one with handles. */
  show(items, selected) {
    [this.items, this.selected] = [items, selected];
    this.render();
  }

  /** Pixels of the picture for one of the screen. */
  get unit() {
    return this.#size[0] / (this.svg.clientWidth || this.#size[0]);
  }

  render() {
    const focus = document.activeElement?.dataset?.focus;
    const inside = this.svg.contains(document.activeElement) && document.activeElement !== this.svg;
    const u = this.unit;
    const parts = this.items.map((item) => (item.kind === "region" ? this.#region(item, u) : this.#point(item, u)));
    const chosen = this.items.find((item) => this.#isSelected(item));
    if (chosen?.kind === "region" && this.on.editable()) parts.push(...this.#handles(chosen, u));
    if (this.#corners.length) {
      parts.push(svg("polyline", { class: "draft", points: this.#corners.map((p) => p.join(",")).join(" "), "stroke-width": 2 * u }));
      parts.push(...this.#corners.map(([x, y]) => svg("circle", { class: "draft-dot", cx: x, cy: y, r: 5 * u, "stroke-width": 2 * u })));
    }
    if (this.#drag?.draft) parts.push(svg(...outline(this.#drag.draft)), ...[]);
    if (this.#drag?.draft) parts.at(-1).setAttribute("class", "draft");
    if (this.#drag?.draft) parts.at(-1).setAttribute("stroke-width", 2 * u);
    this.svg.replaceChildren(...parts);
    if (inside && focus) this.svg.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  #isSelected(item) {
    return this.selected?.kind === item.kind && this.selected?.name === item.name;
  }

  #region(item, u) {
    const [tag, attributes] = outline(item.shape);
    const [x, y] = center(item.shape);
    const chosen = this.#isSelected(item);
    const label = svg("text", { x, y, "font-size": 14 * u, "stroke-width": 4 * u, class: "name" }, brief(item.name));
    return svg(
      "g",
      { class: `shape${chosen ? " chosen" : ""}`, tabindex: "0", role: "button", "aria-pressed": String(chosen), "aria-label": `${item.shape.type} ${item.name}`, "data-kind": "region", "data-name": item.name, "data-focus": `region ${item.name}` },
      svg(tag, { ...attributes, class: "under", "stroke-width": 4.5 * u }),
      svg(tag, { ...attributes, class: "line", "stroke-width": (chosen ? 2.5 : 2) * u }),
      label,
    );
  }

  #point(item, u) {
    const [x, y] = item.at;
    const r = 9 * u;
    const cross = `M${x - r} ${y}H${x + r}M${x} ${y - r}V${y + r}`;
    const chosen = this.#isSelected(item);
    return svg(
      "g",
      { class: `aim${chosen ? " chosen" : ""}`, tabindex: "0", role: "button", "aria-pressed": String(chosen), "aria-label": `point of trigger ${item.name}`, "data-kind": "point", "data-name": item.name, "data-focus": `point ${item.name}` },
      svg("circle", { class: "reach", cx: x, cy: y, r: REACH * u }),
      svg("path", { class: "under", d: cross, "stroke-width": 5 * u }),
      svg("path", { class: "line", d: cross, "stroke-width": 2.5 * u }),
      svg("text", { x, y: y - 16 * u, "font-size": 13 * u, "stroke-width": 4 * u, class: "name" }, brief(item.name)),
    );
  }

  #handles(item, u) {
    return handles(item.shape, 34 * u).map(({ at, name, adds }, number) =>
      svg(
        "g",
        { class: `handle${adds === undefined ? "" : " adds"}`, tabindex: adds === undefined ? "0" : null, role: adds === undefined ? "button" : null, "aria-label": adds === undefined ? `${name} of ${item.name}` : null, "data-handle": number, "data-focus": `handle ${number}` },
        svg("circle", { class: "reach", cx: at[0], cy: at[1], r: REACH * u }),
        svg("circle", { class: "knob", cx: at[0], cy: at[1], r: (adds === undefined ? 6.5 : 4) * u, "stroke-width": 2 * u }),
      ),
    );
  }

  // Pointers.

  #at(event) {
    const box = this.svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.#size[0] - 0.5, ((event.clientY - box.top) / box.height) * this.#size[1] - 0.5];
  }

  /** A place on the grid, or on another shape's corner or centre nearby. */
  #snap(at) {
    if (this.on.sticky()) {
      const others = this.items.filter((item) => item.kind === "region" && !this.#isSelected(item)).flatMap((item) => anchors(item.shape));
      const near = snapped(at, others, 9 * this.unit);
      if (near !== at) return [near, 0];
    }
    return [at, this.on.step()];
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary || (this.#drag && this.#drag.pointer !== event.pointerId)) return; // a palm beside a finger
    settle(); // of the region that is selected until now
    const target = this.svg.contains(event.target) ? event.target : document.elementFromPoint(event.clientX, event.clientY); // drawn anew, maybe by another name
    const [at, tool] = [this.#at(event), this.on.tool()];
    const handle = target.closest("[data-handle]");
    const group = target.closest("[data-kind]");
    this.svg.setPointerCapture(event.pointerId);
    if (!this.on.editable()) this.on.select(group ? { ...group.dataset } : null);
    else if (tool === "polygon") this.#corner(at);
    else if (tool === "scale") this.#measure(at);
    else if (tool !== "select") this.#drag = { tool, from: this.#snap(at)[0] };
    else if (handle) {
      this.#drag = { handle: Number(handle.dataset.handle), item: this.#chosen(), pressed: event };
      if (!this.svg.contains(document.activeElement)) this.#focus(`region ${this.selected.name}`);
    } else if (group) {
      const item = { kind: group.dataset.kind, name: group.dataset.name };
      this.on.select(item);
      this.#focus(`${item.kind} ${item.name}`);
      this.#drag = { item: this.#chosen(), pressed: event };
    } else this.on.select(null);
    if (this.#drag) this.#drag.pointer = event.pointerId;
    event.preventDefault();
    if (!group && !handle) this.svg.focus({ preventScroll: true });
  }

  #focus(key) {
    this.svg.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }

  #chosen() {
    return this.items.find((item) => this.#isSelected(item));
  }

  #move(event) {
    const at = this.#at(event);
    this.on.hover(at);
    const drag = this.#drag;
    if (drag?.pointer !== event.pointerId) return;
    // On the screen: what the press selects makes room for its fields, and the picture may move under a hand that rests.
    const far = drag.pressed && Math.hypot(event.clientX - drag.pressed.clientX, event.clientY - drag.pressed.clientY);
    if (drag.tool) drag.draft = drawn(drag.tool, drag.from, this.#snap(at)[0], this.on.step());
    else if (drag.moving || far > 2) {
      drag.moving = true;
      drag.value = this.#dragged(drag, at);
      this.on.change(drag.item.kind, drag.item.name, drag.value, false);
    }
    this.render();
  }

  #dragged({ item, handle, pressed }, at) {
    const from = this.#at(pressed);
    const [place, step] = this.#snap(at);
    if (item.kind === "point") return [onGrid(place[0], step), onGrid(place[1], step)];
    if (handle !== undefined) return pulled(item.shape, handle, place, step);
    return moved(item.shape, at[0] - from[0], at[1] - from[1], this.on.step());
  }

  #up(event) {
    const drag = this.#drag;
    if (drag && drag.pointer !== event.pointerId) return;
    this.#drag = null;
    this.svg.releasePointerCapture(event.pointerId);
    if (drag?.draft) this.on.change("new", "", drag.draft, true);
    else if (drag?.moving) this.on.change(drag.item.kind, drag.item.name, drag.value, true);
    this.render();
  }

  #corner(at) {
    const [place, step] = this.#snap(at);
    const next = [onGrid(place[0], step), onGrid(place[1], step)];
    const [first] = this.#corners;
    if (first && this.#corners.length > 2 && Math.hypot(at[0] - first[0], at[1] - first[1]) < REACH * this.unit) this.finish();
    else if (!this.#corners.length || String(this.#corners.at(-1)) !== String(next)) this.#corners.push(next);
    this.render();
  }

  #measure(at) {
    this.#corners.push(at.map((value) => onGrid(value, 0)));
    if (this.#corners.length === 2) this.on.scaled(...this.#corners.splice(0));
    this.render();
  }

  /** Closes the polygon that is being drawn; whether there was one. */
  finish() {
    if (this.on.tool() !== "polygon" || this.#corners.length < 3) return false;
    this.on.change("new", "", { type: "polygon", points: this.#corners.splice(0) }, true);
    return true;
  }

  /** Gives up what is being drawn; whether there was something. */
  cancel() {
    const was = this.#corners.length > 0 || this.#drag !== null;
    if (this.#drag?.moving) this.on.change(this.#drag.item.kind, this.#drag.item.name, this.#drag.item.shape ?? this.#drag.item.at, false);
    this.#drag = null;
    this.#corners = [];
    this.render();
    return was;
  }

  get drawing() {
    return this.#corners.length;
  }

  /** What the arrow keys move: the focused shape, point or handle, by pixels. */
  nudge(dx, dy) {
    const focus = document.activeElement;
    const item = this.#chosen();
    if (!item || !this.svg.contains(focus)) return false;
    const number = focus.closest("[data-handle]")?.dataset.handle;
    if (item.kind === "point") this.on.change("point", item.name, [onGrid(item.at[0] + dx, 0), onGrid(item.at[1] + dy, 0)], true);
    else if (number === undefined) this.on.change("region", item.name, moved(item.shape, dx, dy, 0), true);
    else {
      const { at } = handles(item.shape, 34 * this.unit)[number];
      this.on.change("region", item.name, pulled(item.shape, Number(number), [at[0] + dx, at[1] + dy], 0), true);
    }
    return true;
  }

  /** The shape or point that has the focus, {kind, name}; null: none. */
  get focused() {
    const group = this.svg.contains(document.activeElement) && document.activeElement.closest("[data-kind]");
    return group ? { kind: group.dataset.kind, name: group.dataset.name } : null;
  }

  /** The corner that has the focus; -1: none. */
  get corner() {
    const number = document.activeElement?.closest("[data-handle]")?.dataset.handle;
    return number === undefined ? -1 : Number(number);
  }

  /** Whether a shape reaches beyond the picture. */
  reachesBeyond(shape) {
    const { left, top, right, bottom } = bounds(shape);
    return left < 0 || top < 0 || right > this.#size[0] - 1 || bottom > this.#size[1] - 1;
  }
}
