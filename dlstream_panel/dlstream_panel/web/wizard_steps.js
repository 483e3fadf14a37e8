// What the steps of the wizard show of that to which the answers come.

import { drawn } from "./diagram.js";
import { byId, keepChildren, make, mark, say } from "./dom.js";
import { asText } from "./shapes.js";

/** The values of triggers and protocol, each with its meaning; change(key, text) as one is typed. */
export function showFields(fields, change) {
  byId("w-fields-title").hidden = byId("w-more").hidden = fields.length === 0;
  keepChildren(
    byId("w-fields"),
    fields.map((field) => field.key),
    (key) => fieldOf(fields.find((field) => field.key === key), change),
    (row, key) => {
      const field = fields.find((one) => one.key === key);
      const input = row.querySelector("input");
      if (document.activeElement !== input && input.value !== field.value) input.value = field.value;
      keepChildren(row.querySelector("datalist"), field.choices, (value) => make("option", { value }), () => null);
      input.setAttribute("aria-invalid", String(Boolean(field.problem)));
      const line = row.querySelector(".about-field");
      mark(line, "bad", field.problem ? "yes" : "no");
      const known = field.choices.length ? ` One of ${field.choices.join(", ")}.` : "";
      say(line, field.problem || [field.note, `${field.about}${known}`.trim()].filter(Boolean).join(". "));
    },
  );
}

function fieldOf({ key }, change) {
  const id = `w-field-${key}`;
  const [head, ...rest] = key.split(".");
  const input = make("input", { id, list: `${id}-list`, maxlength: "2000", "aria-describedby": `${id}-about`, onchange: (event) => change(key, event.target.value) });
  const name = make("span", {}, make("span", { class: "muted" }, `${head} `), rest.join(" · ") || "");
  return make("div", { class: "w-field" }, make("label", { for: id }, name), input, make("datalist", { id: `${id}-list` }), make("p", { class: "small muted about-field", id: `${id}-about` }));
}

/** The outputs, each with its type and what that needs to be told; change(outputs) as one is changed. */
export function showOutputs(names, answers, types, change) {
  byId("w-no-outputs").hidden = names.length > 0;
  const of = (name) => answers[name] ?? { type: "log", keys: {} };
  const set = (name, output) => change({ ...answers, [name]: output });
  keepChildren(
    byId("w-outputs"),
    names,
    (name) => make("li", {}, make("div", { class: "row" }, make("label", {}, make("b", {}, name), " is ", make("select", {})), make("span", { class: "muted small" })), make("div", { class: "row keys-of" })),
    (item, name) => {
      const output = of(name);
      const type = types.find((one) => one.type === output.type);
      const select = item.querySelector("select");
      keepChildren(select, types.map((one) => one.type), (value) => make("option", { value }), (option, value) => say(option, value));
      select.value = output.type;
      select.onchange = () => set(name, { type: select.value, keys: {} });
      say(item.querySelector(".muted"), type?.about ?? "");
      keepChildren(
        item.querySelector(".keys-of"),
        (type?.keys ?? []).map((one) => `${output.type} ${one.key}`),
        () => make("label", {}, make("span", {}), " ", make("input", { maxlength: "200" }), make("datalist", {})),
        (label, word) => {
          const key = word.split(" ")[1];
          const about = type.keys.find((one) => one.key === key);
          const input = label.querySelector("input");
          const id = `w-${name}-${key}`;
          say(label.firstChild, key);
          label.querySelector("datalist").id = id;
          input.setAttribute("list", id);
          input.title = about.about;
          keepChildren(label.querySelector("datalist"), about.choices, (value) => make("option", { value }), () => null);
          if (document.activeElement !== input) input.value = output.keys[key] ?? "";
          input.onchange = () => set(name, { type: output.type, keys: { ...output.keys, [key]: input.value } });
        },
      );
    },
  );
}

/** The regions and points as they are now. */
export function showRegions(drawing) {
  const lines = drawing ? [...Object.entries(drawing.regions).map(([name, shape]) => asText(name, shape)), ...Object.entries(drawing.points).map(([name, point]) => `${name}: aims at (${point.at.join(", ")})`)] : [];
  byId("w-no-regions").hidden = lines.length > 0;
  keepChildren(byId("w-regions"), lines, () => make("li", {}, make("code", {})), (item, line) => say(item.firstChild, line));
}

let shown = "";

/** The experiment in words and as a diagram. */
export function showReading(made) {
  const explained = made?.explained ?? null;
  for (const id of ["w-diagram", "w-words-title", "w-words", "w-parts"]) byId(id).hidden = explained === null;
  byId("w-not-readable").hidden = explained !== null;
  const warnings = made?.warnings ?? [];
  byId("w-warnings").hidden = warnings.length === 0;
  keepChildren(byId("w-warnings"), warnings, () => make("p", {}), (line, text) => say(line, text));
  const text = JSON.stringify(explained);
  if (!explained || text === shown) return;
  shown = text;
  byId("w-diagram").replaceChildren(drawn(explained.whole, `The protocol of ${explained.experiment}`));
  byId("w-words").replaceChildren(...explained.words.map((line) => make("li", {}, line)));
  byId("w-parts").replaceChildren(...explained.parts.flatMap(({ title, lines }) => [make("h3", {}, title), make("ul", { class: "plain-list" }, ...lines.map((line) => make("li", {}, line)))]));
}
