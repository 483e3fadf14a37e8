// The regions in a list, and the selected one in numbers and as text.

import { byId, keepChildren, make, say } from "./dom.js";
import { asText, numbers } from "./shapes.js";

/** Shows items [{kind, name, shape | at}]; choose(item) is called as one is clicked. */
export function showList(items, selected, choose) {
  keepChildren(
    byId("region-list"),
    items.map((item) => `${item.kind} ${item.name}`),
    () => make("li", {}, make("button", { type: "button" }, make("b", {}), make("span", { class: "muted small" }))),
    (element, key) => {
      const item = items.find((other) => `${other.kind} ${other.name}` === key);
      const [button] = element.children;
      button.onclick = () => choose(item);
      button.setAttribute("aria-pressed", String(selected?.kind === item.kind && selected?.name === item.name));
      say(button.children[0], item.name);
      button.title = item.name;
      say(button.children[1], item.kind === "region" ? item.shape.type : "point of a trigger");
    },
  );
  byId("no-regions").hidden = items.length > 0;
}

/** The item of the list that has the focus, {kind, name}; null: none. */
export function focusedInList() {
  const [, kind, name] = document.activeElement.closest("#region-list > li")?.dataset.key.match(/^(\S+) (.*)$/s) ?? [];
  return kind ? { kind, name } : null;
}

/** Where an item stands in the list; -1: not there. */
export const placeInList = ({ kind, name }) => [...byId("region-list").children].findIndex((line) => line.dataset.key === `${kind} ${name}`);

/** Puts the focus on the item at a place of the list, or on the last one; whether there is one. */
export function focusInList(place) {
  const lines = byId("region-list").children;
  lines[Math.min(place, lines.length - 1)]?.querySelector("button").focus();
  return lines.length > 0;
}

/** Shows what is selected, `shape` (of a point its place); change(shape) is called as a number is typed, refuse(why) as something else is. */
export function showFields(item, shape, { acts, saved }, change, refuse) {
  byId("region-fields").hidden = !item;
  if (!item) return;
  const isRegion = item.kind === "region";
  const name = byId("region-name");
  if (document.activeElement !== name) name.value = item.name;
  name.readOnly = !acts || saved || !isRegion;
  name.title = saved ? "A name that triggers may use is changed in the file itself." : "";
  byId("remove-region").hidden = byId("beyond-label").hidden = !isRegion;
  byId("beyond").checked = Boolean(shape.beyond_image);
  byId("beyond").disabled = !acts;
  say(byId("region-text"), isRegion ? asText(item.name, shape) : `point: [${shape.join(", ")}]`);
  const axes = ["x", "y"].map((label, axis) => ({ label, value: shape[axis], set: (value) => shape.map((old, other) => (other === axis ? value : old)) }));
  const list = isRegion ? numbers(shape) : axes;
  keepChildren(
    byId("region-numbers"),
    list.map((field) => field.label),
    (label) => make("label", {}, make("span", {}, label), make("input", { type: "number", step: "any", required: true })),
    (element, label) => {
      const field = list.find((other) => other.label === label);
      const input = element.lastChild;
      if (document.activeElement !== input) input.value = field.value;
      input.readOnly = !acts;
      input.onchange = () => {
        if (input.checkValidity()) return change(field.set(Number(input.value)));
        input.value = field.value;
        refuse(`${label} of ${item.name} needs a number: it stays ${field.value}.`);
      };
    },
  );
}
