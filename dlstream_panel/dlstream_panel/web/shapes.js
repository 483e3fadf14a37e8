// The geometry of regions: plain data in, plain data out, as the experiment file has it. Pixels; x right, y down.

export const TYPES = ["circle", "rectangle", "ellipse", "polygon"];
const LEAST = 1; // pixels that a side or radius has at least

/** A number on the grid: step in pixels; 0.1 without one. */
export const onGrid = (value, step) => Number((step > 0 ? Math.round(value / step) * step : value).toFixed(1));
const spot = ([x, y], step) => [onGrid(x, step), onGrid(y, step)];
const turn = ([x, y], degrees) => {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [x * c - y * s, x * s + y * c];
};
const size = (value, step) => Math.max(LEAST, onGrid(Math.abs(value), step));

/** A shape from a drag from a to b, or none if that is too small. */
export function drawn(type, a, b, step) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  if (Math.hypot(dx, dy) < 3) return null;
  if (type === "circle") return { type, center: spot(a, step), radius: size(Math.hypot(dx, dy), step) };
  const [left, right] = [a[0], b[0]].sort((p, q) => p - q);
  const [top, bottom] = [a[1], b[1]].sort((p, q) => p - q);
  if (right - left < 2 || bottom - top < 2) return null;
  if (type === "ellipse") return { type, center: spot([(left + right) / 2, (top + bottom) / 2], 0), radii: [size((right - left) / 2, step), size((bottom - top) / 2, step)] };
  return { type, left: onGrid(left, step), top: onGrid(top, step), right: onGrid(right, step), bottom: onGrid(bottom, step) };
}

/** A shape to begin with, in the middle of a picture: for those who draw by keys. */
export function middle(type, [width, height]) {
  const [x, y, r] = [Math.round(width / 2), Math.round(height / 2), Math.round(Math.min(width, height) / 8)];
  if (type === "circle") return { type, center: [x, y], radius: r };
  if (type === "ellipse") return { type, center: [x, y], radii: [2 * r, r] };
  if (type === "rectangle") return { type, left: x - r, top: y - r, right: x + r, bottom: y + r };
  return { type, points: [[x, y - r], [x + r, y + r], [x - r, y + r]] };
}

/** A place that stands for a shape: its label is there. */
export function center(shape) {
  if (shape.center) return shape.center;
  const { left, top, right, bottom } = bounds(shape);
  return [(left + right) / 2, (top + bottom) / 2];
}

export function bounds(shape) {
  if (shape.type === "rectangle") return shape;
  if (shape.type === "polygon") {
    const [xs, ys] = [0, 1].map((axis) => shape.points.map((point) => point[axis]));
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  }
  const [x, y] = shape.center;
  let [w, h] = shape.radii ?? [shape.radius, shape.radius];
  if (shape.rotation) {
    const [a, b] = [turn([w, 0], shape.rotation), turn([0, h], shape.rotation)];
    [w, h] = [Math.hypot(a[0], b[0]), Math.hypot(a[1], b[1])];
  }
  return { left: x - w, top: y - h, right: x + w, bottom: y + h };
}

/** The shape moved: its reference point comes to lie on the grid, the others keep their distances from it. */
export function moved(shape, dx, dy, step) {
  const anchor = shape.center ?? (shape.type === "polygon" ? shape.points[0] : [shape.left, shape.top]);
  const [x, y] = [onGrid(anchor[0] + dx, step) - anchor[0], onGrid(anchor[1] + dy, step) - anchor[1]];
  const by = ([px, py]) => spot([px + x, py + y], 0);
  if (shape.center) return { ...shape, center: by(shape.center) };
  if (shape.type === "polygon") return { ...shape, points: shape.points.map(by) };
  const [left, top] = by([shape.left, shape.top]);
  const [right, bottom] = by([shape.right, shape.bottom]);
  return { ...shape, left, top, right, bottom };
}

/** Where a selected shape is pulled: [{at, name, adds}]; far: how far outside the rotation's handle lies, pixels. */
export function handles(shape, far) {
  const { type } = shape;
  if (type === "circle") return [{ at: [shape.center[0] + shape.radius, shape.center[1]], name: "radius" }];
  if (type === "ellipse") {
    const from = (x, y) => turn([x, y], shape.rotation ?? 0).map((value, axis) => value + shape.center[axis]);
    const [a, b] = shape.radii;
    return [{ at: from(a, 0), name: "first radius" }, { at: from(0, b), name: "second radius" }, { at: from(a + far, 0), name: "rotation" }];
  }
  if (type === "rectangle") {
    const { left, top, right, bottom } = shape;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const places = [[left, top], [x, top], [right, top], [right, y], [right, bottom], [x, bottom], [left, bottom], [left, y]];
    const names = ["top left", "top", "top right", "right", "bottom right", "bottom", "bottom left", "left"];
    return places.map((at, number) => ({ at, name: names[number] }));
  }
  const corners = shape.points.map((at, number) => ({ at, name: `corner ${number + 1}` }));
  const between = shape.points.map((at, number) => {
    const next = shape.points[(number + 1) % shape.points.length];
    return { at: [(at[0] + next[0]) / 2, (at[1] + next[1]) / 2], name: `new corner after ${number + 1}`, adds: number };
  });
  return [...corners, ...between];
}

/** The shape with one of its handles pulled to a place. */
export function pulled(shape, number, at, step) {
  const [x, y] = at;
  const [cx, cy] = shape.center ?? [0, 0];
  if (shape.type === "circle") return { ...shape, radius: size(Math.hypot(x - cx, y - cy), step) };
  if (shape.type === "ellipse") {
    if (number === 2) {
      const degrees = Math.round((Math.atan2(y - cy, x - cx) * 180) / Math.PI);
      return { ...shape, rotation: Math.abs(degrees) < 3 ? 0 : degrees };
    }
    const along = turn([x - cx, y - cy], -(shape.rotation ?? 0));
    return { ...shape, radii: shape.radii.map((radius, axis) => (axis === number ? size(along[axis], step) : radius)) };
  }
  if (shape.type === "rectangle") {
    const sides = [["left", "top"], [null, "top"], ["right", "top"], ["right", null], ["right", "bottom"], [null, "bottom"], ["left", "bottom"], ["left", null]][number];
    const next = { ...shape };
    if (sides[0] === "left") next.left = Math.min(onGrid(x, step), shape.right - LEAST);
    if (sides[0] === "right") next.right = Math.max(onGrid(x, step), shape.left + LEAST);
    if (sides[1] === "top") next.top = Math.min(onGrid(y, step), shape.bottom - LEAST);
    if (sides[1] === "bottom") next.bottom = Math.max(onGrid(y, step), shape.top + LEAST);
    return next;
  }
  const points = [...shape.points];
  if (number < points.length) points[number] = spot(at, step);
  else points.splice(number - points.length + 1, 0, spot(at, step));
  return { ...shape, points };
}

/** The polygon without a corner; three remain. */
export function withoutCorner(shape, number) {
  if (shape.type !== "polygon" || shape.points.length <= 3 || number >= shape.points.length) return shape;
  return { ...shape, points: shape.points.filter((_, place) => place !== number) };
}

/** The numbers of a shape, to be typed: [{label, get, set}]. */
export function numbers(shape) {
  const one = (key) => ({ label: key, value: shape[key] ?? 0, set: (value) => ({ ...shape, [key]: value }) });
  const two = (key, labels) => labels.map((label, axis) => ({ label, value: shape[key][axis], set: (value) => ({ ...shape, [key]: shape[key].map((old, other) => (other === axis ? value : old)) }) }));
  if (shape.type === "circle") return [...two("center", ["center x", "center y"]), one("radius")];
  if (shape.type === "ellipse") return [...two("center", ["center x", "center y"]), ...two("radii", ["radius 1", "radius 2"]), one("rotation")];
  if (shape.type === "rectangle") return ["left", "top", "right", "bottom"].map(one);
  return shape.points.flatMap((point, number) =>
    ["x", "y"].map((label, axis) => ({
      label: `${number + 1} ${label}`,
      value: point[axis],
      set: (value) => ({ ...shape, points: shape.points.map((old, place) => (place === number ? old.map((v, a) => (a === axis ? value : v)) : old)) }),
    })),
  );
}

/** SVG's element for a shape: [tag, attributes]. */
export function outline(shape) {
  if (shape.type === "circle") return ["circle", { cx: shape.center[0], cy: shape.center[1], r: shape.radius }];
  if (shape.type === "rectangle") return ["rect", { x: shape.left, y: shape.top, width: shape.right - shape.left, height: shape.bottom - shape.top }];
  if (shape.type === "polygon") return ["polygon", { points: shape.points.map((point) => point.join(",")).join(" ") }];
  const [x, y] = shape.center;
  return ["ellipse", { cx: x, cy: y, rx: shape.radii[0], ry: shape.radii[1], transform: `rotate(${shape.rotation ?? 0} ${x} ${y})` }];
}

/** The shape as a line of an experiment file. */
export function asText(name, shape) {
  const written = (value) => (Array.isArray(value) ? `[${value.map(written).join(", ")}]` : String(value));
  const key = /^[A-Za-z]\w*$/.test(name) ? name : JSON.stringify(name);
  return `${key}: {${Object.entries(shape).map(([word, value]) => `${word}: ${written(value)}`).join(", ")}}`;
}

/** The nearest of some places within reach of a place, or the place itself. */
export function snapped(at, places, reach) {
  const near = places.map((place) => [Math.hypot(place[0] - at[0], place[1] - at[1]), place]).filter(([distance]) => distance < reach);
  return near.length ? near.reduce((best, item) => (item[0] < best[0] ? item : best))[1] : at;
}

/** The places of a shape to which others snap. */
export function anchors(shape) {
  if (shape.type === "polygon") return shape.points;
  if (shape.type === "rectangle") return [0, 2, 4, 6].map((number) => handles(shape, 0)[number].at);
  const [x, y] = shape.center;
  const { left, top, right, bottom } = bounds(shape);
  return [[x, y], [left, y], [right, y], [x, top], [x, bottom]];
}
