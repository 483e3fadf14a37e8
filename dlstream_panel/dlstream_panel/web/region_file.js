// The experiment file of the rig, by its server: where the regions are read and saved.

import { ask, read } from "./link.js";

export const inFile = {
  read: () => read("regions"),
  save: (drawn) => ask("regions", drawn),
  others: "The file has been saved by another page meanwhile: yours can't be saved any more. Copy your text, then read the file again.",
  waiting: (file) => `Not saved yet. Saving writes these values into ${file} and leaves all else of it as it is.`,
  kept: (file) => `As in ${file}.`,
};
