// What is drawn for the wizard on the page of regions: read from its answers, and taken over into them.

import { pictureOf, watched } from "./wizard_cameras.js";

const OTHERS = "The experiment or the cameras of the wizard have changed since this was drawn: it can't be taken over any more. Copy your text, then press As they were.";

/** What a drawing belongs to: another experiment has other regions, and one without `camera` is of the camera that is watched. */
const belonging = (answers) => JSON.stringify([answers.template, watched(answers)]);

/** Whether something is drawn on a camera that is there no more. */
const homeless = ({ cameras }, regions, scales) => {
  const names = cameras.map((camera) => camera.name);
  return [...Object.values(regions).map((region) => region.camera), ...Object.keys(scales)].some((name) => name && !names.includes(name));
};

/** Where the page of regions reads and saves. wizard: {answers(), made(), settled(), answer(change)}. */
export function keeperOf(wizard) {
  return {
    read: async () => {
      await wizard.settled(); // what is known is of the answers of before, as long as the new ones are looked up
      const made = wizard.made();
      if (!made?.drawing) throw new Error("Choose the experiment to begin with on the page Wizard: then its regions are drawn here.");
      return { ...made.drawing, hash: belonging(wizard.answers()) };
    },
    others: OTHERS,
    waiting: () => "Not taken over yet: Save does that. Nothing is written before the last step of the wizard.",
    kept: () => "As the wizard has them.",
    save: async ({ hash, regions, points, scales }) => {
      const before = wizard.answers();
      if (hash !== belonging(before) || homeless(before, regions, scales)) throw new Error(OTHERS);
      const places = Object.fromEntries(Object.entries(points).map(([name, at]) => [`triggers.${name}.point`, `[${at.join(", ")}]`]));
      // What is drawn now counts, not what was typed for the same before: it would be put over it.
      const drawn = ["regions", ...Object.keys(scales).map((camera) => `calibration.${camera}`), ...Object.keys(places)];
      const others = Object.entries(before.values).filter(([key]) => !drawn.some((name) => `${key.replaceAll("[", ".")}.`.startsWith(`${name}.`)));
      await wizard.answer({ regions, scales, values: { ...Object.fromEntries(others), ...places } });
      const made = wizard.made();
      if (!made) return "taken over; whether it fits is not known yet";
      const wrong = made.problems.filter((problem) => problem.step === "regions");
      if (!wrong.length) return "taken over: they are written with the rest";
      const text = wrong.map((problem) => problem.text).join("\n");
      await wizard.answer({ regions: before.regions, scales: before.scales, values: before.values });
      throw new Error(text);
    },
  };
}

/** The pictures on which regions are drawn. */
export function groundsOf({ cameras }, pictures) {
  const address = (name, at) => {
    const camera = cameras.find((one) => one.name === name) ?? cameras[0];
    return pictureOf(camera, pictures, at) || `/api/wizard/picture?${new URLSearchParams(camera)}`; // which says why there is none
  };
  const any = cameras.some((camera) => pictureOf(camera, pictures, 0));
  return any ? [{ key: "camera", name: cameras.length > 1 ? "of this camera" : cameras[0].video || "the one that was taken", address }] : [];
}
