// The cameras of the wizard's answers: a new one, another name, and what follows of it for what is drawn.

/** One that is not answered yet, under a name that is free. */
export function newCamera(cameras, videos = []) {
  const names = cameras.map((camera) => camera.name);
  let name = ["top", "side", "front"].find((one) => !names.includes(one));
  for (let number = cameras.length + 1; !name; number++) if (!names.includes(`camera_${number}`)) name = `camera_${number}`;
  const used = cameras.map((camera) => camera.video);
  const kind = cameras.at(-1)?.kind ?? "video";
  return { kind, name, video: videos.find((video) => !used.includes(video)) ?? videos[0] ?? "", source: "", serial: "" };
}

/** What tells the pictures that cameras have taken apart. */
export const shotKey = ({ kind, source, serial }) => (kind === "synthetic" ? "synthetic\n" : kind === "device" ? `${source}\n${serial}` : "");

/** The address of a picture of a camera: a frame of its video, or the picture that it took; empty: there is none. */
export function pictureOf(camera, taken, at) {
  if (camera.kind === "video") return camera.video ? `/api/wizard/frame?${new URLSearchParams({ video: camera.video, at })}` : "";
  const key = shotKey(camera);
  const [source, serial] = key.split("\n");
  return taken[key] ? `/api/wizard/picture?${new URLSearchParams({ source, serial, taken: taken[key] })}` : "";
}

/** Why a camera can't have this name; empty: it can. Everything that is drawn finds its camera by the name. */
export function refusedName(cameras, number, name) {
  const taken = cameras.some((camera, place) => place !== number && camera.name === name);
  return !name ? "A camera needs a name: it keeps the one it had." : taken ? `Another camera has the name ${name}: this one keeps the one it had.` : "";
}

/** The answers with another name of a camera, wherever it stands; one that `refusedName` lets pass. */
export function renamed(answers, number, name) {
  const old = answers.cameras[number].name;
  const cameras = answers.cameras.map((camera, place) => (place === number ? { ...camera, name } : camera));
  if (!old || answers.cameras.some((camera, place) => place !== number && camera.name === old)) return { cameras }; // which one is meant?
  const entries = (object, change) => Object.fromEntries(Object.entries(object).map(change));
  return {
    cameras,
    camera: answers.camera === old ? name : answers.camera,
    regions: answers.regions && entries(answers.regions, ([key, shape]) => [key, shape.camera === old ? { ...shape, camera: name } : shape]),
    scales: entries(answers.scales, ([key, scale]) => [key === old ? name : key, scale]),
    values: entries(answers.values, ([key, text]) => [key, key.endsWith(".camera") && text === old ? name : text]),
  };
}

/** The answers without a camera, and without what was drawn on it. */
export function removed(answers, number) {
  const { name } = answers.cameras[number];
  const cameras = answers.cameras.filter((_, place) => place !== number);
  if (cameras.some((camera) => camera.name === name)) return { cameras };
  const without = (object, gone) => Object.fromEntries(Object.entries(object).filter(([key, value]) => !gone(key, value)));
  const moved = watching(answers, watched(answers) === name ? cameras[0].name : watched(answers));
  return {
    cameras,
    camera: moved.camera,
    regions: moved.regions && without(moved.regions, (_, shape) => shape.camera === name),
    scales: without(answers.scales, (key) => key === name),
    values: without(moved.values, (key, text) => (key.endsWith(".camera") ? text : key.endsWith(".point") && cameraOf(moved.values, key)) === name),
  };
}

/** The camera that the experiment watches. */
export const watched = ({ cameras, camera }) => (cameras.some((one) => one.name === camera) ? camera : cameras[0].name);

/** The answers where the experiment watches this camera; what was drawn stays on the camera on which it was drawn. */
export function watching(answers, name) {
  const before = watched(answers);
  const moved = ({ camera, ...shape }) => ((camera ?? before) === name ? shape : { ...shape, camera: camera ?? before });
  const points = Object.keys(answers.values).filter((key) => before !== name && key.endsWith(".point") && !cameraOf(answers.values, key));
  return {
    camera: name,
    regions: answers.regions && Object.fromEntries(Object.entries(answers.regions).map(([key, shape]) => [key, moved(shape)])),
    values: { ...answers.values, ...Object.fromEntries(points.map((key) => [cameraKey(key), before])) },
  };
}

/** The key of the camera of a trigger's point, such as triggers.looks_there.camera of triggers.looks_there.point. */
const cameraKey = (key) => key.replace(/point$/, "camera");
const cameraOf = (values, key) => values[cameraKey(key)];
