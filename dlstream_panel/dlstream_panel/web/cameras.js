// The live pictures, each drawn with the poses and regions of that very frame.

import { byId, keepChildren, make, mark, say } from "./dom.js";
import { drawOverlay } from "./overlay.js";
import { nodeState, valuesOf } from "./rows.js";

const OLD = 1000; // ms after which a picture counts as old

export class Cameras {
  #views = new Map();
  #large = "";

  /** Each picture that was drawn is an event "drawn" of the section: {camera, stamp, poses, ...}. */
  constructor(hello, link) {
    this.hello = hello;
    this.link = link;
    this.state = null;
    keepChildren(byId("cameras"), hello.cameras, (name) => this.#create(name), () => {});
    this.#count();
    document.addEventListener("visibilitychange", () => this.watch());
    setInterval(() => this.#describe(), 250);
  }

  /** Asks for the pictures that can be seen. */
  watch() {
    if (byId("page").hidden) return; // another page looks
    const seen = this.hello.cameras.filter((name) => !this.#large || name === this.#large);
    this.link.watch(document.hidden ? [] : seen);
  }

  /** One camera large; the same again: all. */
  enlarge(name) {
    if (!this.#views.has(name)) return;
    this.#large = this.#large === name ? "" : name;
    for (const [other, view] of this.#views) view.figure.hidden = this.#large !== "" && other !== this.#large;
    this.#count();
    this.watch();
  }

  async show(head, jpeg) {
    const view = this.#views.get(head.camera);
    let image;
    try {
      image = await createImageBitmap(jpeg);
    } catch {
      this.link.drawn(head.camera);
      return;
    }
    requestAnimationFrame(() => {
      this.#draw(view, head, image);
      image.close();
      this.link.drawn(head.camera);
    });
  }

  #draw(view, head, image) {
    const about = this.state?.cameras[head.camera] ?? {};
    const { canvas, context } = view;
    const factor = Math.min(2, (canvas.clientWidth * devicePixelRatio) / image.width || 1); // the drawn size: less work, sharp names
    const [width, height] = [Math.round(image.width * factor), Math.round(image.height * factor)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      view.figure.style.setProperty("--aspect", image.width / image.height);
    }
    context.drawImage(image, 0, 0, width, height);
    drawOverlay(context, width / image.width, {
      regions: about.regions,
      active: head.active,
      edges: about.edges,
      poses: head.poses,
      minConfidence: this.hello.min_confidence,
    });
    const now = performance.now();
    view.drawnAt = now;
    view.age = this.#isTimed(head.camera) ? Math.max(0, Math.round(this.link.now() - head.stamp)) : 0;
    view.withPoses = head.poses !== null;
    view.times.push(now);
    while (view.times[0] < now - 1000) view.times.shift();
    byId("cameras").dispatchEvent(new CustomEvent("drawn", { detail: head }));
  }

  #create(name) {
    const canvas = make("canvas", { role: "img", "aria-label": `Live picture of camera ${name}` });
    const veil = make("p", { class: "veil" }, "waiting for pictures");
    const caption = make("figcaption", {});
    const button = make(
      "button",
      { type: "button", class: "quiet enlarge", "aria-label": `Camera ${name} large, or all`, onclick: () => this.enlarge(name) },
      "⤢",
    );
    const head = make("div", { class: "camera-head" }, make("h2", {}, name), caption, button);
    const figure = make("figure", { class: "camera card" }, head, make("div", { class: "picture" }, canvas, veil));
    this.#views.set(name, { figure, canvas, context: canvas.getContext("2d"), veil, caption, age: 0, drawnAt: null, times: [] });
    return figure;
  }

  /** Whether its stamps are of the rig's clock: not those of a bag, nor of somebody else's driver. */
  #isTimed(name) {
    return !this.hello.simulated && this.hello.nodes.includes(`/${name}/camera`);
  }

  #count() {
    byId("cameras").dataset.count = String(this.#large ? 1 : this.hello.cameras.length);
  }

  #describe() {
    const now = performance.now();
    const connected = document.body.dataset.connection === "open";
    for (const [name, view] of this.#views) {
      const old = view.drawnAt === null || now - view.drawnAt > OLD;
      const late = !old && view.age + now - view.drawnAt > OLD; // pictures that keep coming, but come late
      const node = this.state?.nodes[`/${name}/camera`];
      const stopped = node && nodeState(this.state, `/${name}/camera`, this.link.now()).level === "off";
      const inactive = stopped ? "stream is stopped" : "no picture";
      const since = view.drawnAt !== null ? ` for ${Math.round((now - view.drawnAt) / 1000)} s` : "";
      say(view.veil, !connected ? "no connection" : view.drawnAt !== null || node ? `${inactive}${since}` : "waiting for pictures");
      mark(view.figure, "live", !connected || old ? "no" : late ? "late" : "yes");
      view.caption.replaceChildren(...this.#facts(name, view, old));
    }
  }

  #facts(name, view, old) {
    const said = (node) => (this.state ? valuesOf(this.state, node, this.link.now()) : {});
    const [camera, pose] = [said(`/${name}/camera`), said("/pose")];
    const fact = (label, value, bad = false) => make("span", { class: bad ? "bad" : "" }, `${label} `, make("b", {}, value));
    const asked = Number(camera.fps_nominal) ? ` of ${camera.fps_nominal}` : "";
    const facts = [];
    if (!old && this.#isTimed(name)) facts.push(fact("age", `${view.age} ms`, view.age > OLD));
    if (!old && !view.withPoses && this.hello.nodes.includes("/pose")) facts.push(fact("", "no poses", true));
    if (camera.fps) facts.push(fact("camera", `${Number(camera.fps).toFixed(1)}${asked} fps`));
    if (pose[`${name}/fps`]) facts.push(fact("poses", `${Number(pose[`${name}/fps`]).toFixed(1)} fps`));
    facts.push(fact("shown", `${old ? 0 : view.times.length} fps`));
    if (camera.dropped) facts.push(fact("dropped", camera.dropped, Number(camera.dropped) > 0));
    if (pose[`${name}/dropped`]) facts.push(fact("left out", pose[`${name}/dropped`]));
    return facts;
  }
}
