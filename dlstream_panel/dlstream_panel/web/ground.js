// What lies below the regions that are drawn: the live picture, held or not, or a frame of a session or a video.

import { byId, keepChildren, make, mark, say } from "./dom.js";
import { read } from "./link.js";

const OLD = 1000; // ms after which a picture counts as old

/** A frame of each of the sessions of the rig's folder. */
export async function sessionGrounds(hello) {
  if (!hello.pages.includes("sessions")) return [];
  const { sessions } = await read("sessions").catch(() => ({ sessions: [] }));
  const words = ({ subject, created }) => `${subject || "session"}, ${created.slice(0, 16).replace("T", " ")}`;
  return sessions.map((one) => ({ key: one.id, name: words(one), address: (camera, at) => `/api/sessions/${one.id}/frame?${new URLSearchParams({ camera, at })}` }));
}

export class Ground {
  #asked = 0;
  #others = []; // {key, name, address(camera, at)}
  #said = "";
  held = false;

  /** live: whether a camera streams here. on: {image(bitmap), clear(), watch(yes), problem(text), camera()}. */
  constructor(live, on) {
    [this.live, this.on] = [live, on];
    byId("freeze").addEventListener("click", () => this.hold(!this.held));
    byId("region-source").addEventListener("change", () => this.#choose());
    byId("region-moment").addEventListener("input", () => this.#still());
    document.addEventListener("visibilitychange", () => this.#watch());
    this.#describe();
  }

  /** Asks for the live pictures, where they are shown and can be seen. */
  #watch() {
    this.on.watch(this.isLive && !this.held && !document.hidden);
  }

  /** The pictures to choose from beside the live one: [{key, name, address(camera, at)}]. */
  offer(others) {
    this.#others = others;
    const select = byId("region-source");
    const chosen = select.value;
    const all = [...(this.live ? [{ key: "", name: "live" }] : []), ...others];
    keepChildren(select, all.map((one) => one.key), (key) => make("option", { value: key }), (option, key) => say(option, all.find((one) => one.key === key).name));
    select.value = all.some((one) => one.key === chosen) ? chosen : (all[0]?.key ?? "");
    if (select.value !== chosen) this.#choose();
    else this.#describe();
  }

  get #chosen() {
    return this.#others.find((one) => one.key === byId("region-source").value) ?? null;
  }

  /** Whether the pictures of the camera are shown as they come. */
  get isLive() {
    return this.live && this.#chosen === null;
  }

  hold(yes) {
    this.held = yes;
    this.#watch();
    this.#describe();
  }

  /** Shows it again: the page was opened, or another camera was chosen. */
  show() {
    this.#watch();
    this.#still();
  }

  /** What is drawn belongs on a picture of this camera as it is now; one that is held, or of a session, stays. */
  cover(stage, camera) {
    const since = stage.drawnAt === null ? Infinity : performance.now() - stage.drawnAt;
    const missing = since === Infinity || (this.isLive && !this.held && since > OLD);
    stage.cover(missing ? `no picture${camera && ` of ${camera}`}${since === Infinity ? "" : ` for ${Math.round(since / 1000)} s`}` : "");
  }

  #choose() {
    this.held = false;
    this.on.clear();
    this.on.problem("");
    this.show();
    this.#describe();
  }

  async #still() {
    const number = ++this.#asked;
    if (!this.#chosen) return;
    const answer = await fetch(this.#chosen.address(this.on.camera(), byId("region-moment").value / 1000)).catch(() => null);
    const error = answer?.ok ? null : ((await answer?.json().catch(() => null))?.error ?? "no connection: the picture was not read");
    const image = answer?.ok ? await createImageBitmap(await answer.blob()).catch(() => null) : null;
    if (number === this.#asked) {
      this.on.problem(error ?? (image ? "" : "this picture can't be shown"));
      this.#said = answer?.ok ? (answer.headers.get("X-Frame") ?? "") : "";
      if (image) this.on.image(image);
      else this.on.clear();
      this.#describe();
    }
    image?.close();
  }

  #describe() {
    byId("region-source-label").hidden = this.#others.length === 0;
    byId("region-moment-label").hidden = this.isLive || !this.#chosen;
    byId("freeze").hidden = !this.isLive;
    byId("freeze").setAttribute("aria-pressed", String(this.held));
    mark(byId("stage"), "ground", this.isLive ? "live" : "still");
    say(byId("region-frame"), this.isLive ? "" : this.#said);
    byId("region-moment").setAttribute("aria-valuetext", this.#said || "not read yet");
  }
}
