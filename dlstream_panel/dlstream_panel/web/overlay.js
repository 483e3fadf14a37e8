// Draws poses, skeleton and regions on a picture. Pixels: the origin is the centre of the top-left pixel, so +0.5 here.

import { brief } from "./dom.js";

// Told apart by most colour-blind people as well (Okabe and Ito 2008), brightened; as in the recorded overlay.
export const PALETTE = ["#ffd442", "#56b4e9", "#14c873", "#e182be", "#f56e3c", "#5ae6e6", "#8c8cff", "#f0f0f0"];
const ACTIVE = "#28c850";
const INACTIVE = "#e13c3c";
const INK = "rgba(18, 20, 24, 0.85)";

/** Draws everything of one picture; scale: canvas pixels for each pixel of the picture. */
export function drawOverlay(context, scale, { regions, active, edges, poses, minConfidence }) {
  const unit = Math.max(1, Math.min(context.canvas.width / 640, context.canvas.height / 480));
  const at = ([x, y]) => [(x + 0.5) * scale, (y + 0.5) * scale];
  context.lineJoin = context.lineCap = "round";
  for (const region of regions ?? []) drawRegion(context, region, active.includes(region.name), at, unit);
  const several = (poses?.individuals.length ?? 0) > 1;
  for (const individual of poses?.individuals ?? []) {
    const points = individual.points.map((point) => (point && point[2] >= minConfidence ? at(point) : null));
    drawSkeleton(context, points, edges ?? [], unit);
    points.forEach((point, number) => point && drawDot(context, point, PALETTE[number % PALETTE.length], unit));
    const first = points.find((point) => point);
    if (several && first) label(context, individual.id, first[0], first[1] - 14 * unit, unit, "#ffffff");
  }
}

function drawRegion(context, region, active, at, unit) {
  if (region.points.length < 2) return;
  const colour = active ? ACTIVE : INACTIVE;
  context.beginPath();
  region.points.map(at).forEach(([x, y]) => context.lineTo(x, y));
  context.closePath();
  context.globalAlpha = active ? 0.22 : 0.1;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
  stroke(context, colour, 2 * unit, 4 * unit);
  const xs = region.points.map((point) => point[0]);
  const [x] = at([xs.reduce((sum, value) => sum + value, 0) / xs.length, 0]);
  const [, y] = at([0, Math.min(...region.points.map((point) => point[1]))]);
  label(context, region.name, x, y + 16 * unit, unit, colour);
}

function drawSkeleton(context, points, edges, unit) {
  context.beginPath();
  for (const [a, b] of edges) {
    if (!points[a] || !points[b]) continue;
    context.moveTo(...points[a]);
    context.lineTo(...points[b]);
  }
  stroke(context, "#f5f5f5", 1.6 * unit, 3.6 * unit);
}

function stroke(context, colour, width, under) {
  context.strokeStyle = INK;
  context.lineWidth = under;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function drawDot(context, [x, y], colour, unit) {
  context.beginPath();
  context.arc(x, y, 3.4 * unit, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.strokeStyle = INK;
  context.lineWidth = 1.2 * unit;
  context.stroke();
}

function label(context, name, at, y, unit, colour) {
  const most = Math.max(8, Math.min(28, Math.floor((0.45 * context.canvas.width) / (7.5 * unit)))); // two fit side by side
  const text = brief(name, most);
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 10 * unit;
  const x = Math.max(width / 2, Math.min(at, context.canvas.width - width / 2)); // on the picture
  context.fillStyle = INK;
  context.beginPath();
  context.roundRect(x - width / 2, y - 9 * unit, width, 18 * unit, 4 * unit);
  context.fill();
  context.fillStyle = colour === INACTIVE ? "#ff9d9d" : colour === ACTIVE ? "#7df0a0" : colour;
  context.fillText(text, x, y);
}
