// From the acquisition of each frame to the end of its inference, over the last minute.

import { byId, say } from "./dom.js";

const SPAN = 60_000;

export class Latency {
  #points = [];
  #head = 0;

  constructor() {
    this.canvas = byId("latency");
    this.context = this.canvas.getContext("2d");
    setInterval(() => this.#draw(), 500);
  }

  add(head) {
    if (head.poses) this.#points.push([head.stamp, head.poses.latency]);
  }

  #draw() {
    const newest = this.#points.at(-1)?.[0] ?? 0;
    this.#points = this.#points.filter(([stamp]) => stamp > newest - SPAN);
    const sorted = this.#points.map(([, value]) => value).sort((a, b) => a - b);
    const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    say(byId("latency-text"), sorted.length ? ["p50", "p95", "p99"].map((name, i) => `${name} ${quantile([0.5, 0.95, 0.99][i]).toFixed(0)}`).join(" · ") + " ms" : "no poses yet");
    this.#plot(newest, sorted.length ? quantile(0.99) : 1);
  }

  #plot(newest, p99) {
    const { canvas, context } = this;
    const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio].map(Math.round);
    if (!width || !height) return;
    [canvas.width, canvas.height] = [width, height];
    const style = getComputedStyle(canvas);
    const step = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((size) => size * 4 >= p99 * 1.3) ?? 10_000;
    const top = Math.ceil((p99 * 1.3) / step) * step;
    const left = 34 * devicePixelRatio;
    context.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let value = 0; value <= top; value += step) {
      const y = height - 8 - (value / top) * (height - 16);
      context.fillStyle = style.getPropertyValue("--line");
      context.fillRect(left, y, width - left, 1);
      context.fillStyle = style.getPropertyValue("--muted");
      context.fillText(value, left - 6, y);
    }
    context.fillStyle = style.getPropertyValue("--accent");
    const size = 1.6 * devicePixelRatio;
    for (const [stamp, value] of this.#points) {
      const x = left + (1 - (newest - stamp) / SPAN) * (width - left - size);
      context.fillRect(x, height - 8 - (Math.min(value, top) / top) * (height - 16) - size / 2, size, size);
    }
  }
}
