// Small helpers: elements are made and changed, never written as HTML, so that no text of the rig becomes code.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Makes an element: make("p", {class: "small"}, "text", child). Functions become listeners: {onclick: f}. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Sets the text of an element, and touches nothing if it is the same. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets data-KEY of an element. */
export function mark(element, key, value) {
  if (element.dataset[key] !== value) element.dataset[key] = value;
}

/** Keeps one child for each key, in order: made by create(key), brought up to date by update(child, key). */
export function keepChildren(parent, keys, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  keys.forEach((key, place) => {
    let child = known.get(key);
    if (!child) {
      child = create(key);
      child.dataset.key = key;
    }
    known.delete(key);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
    update(child, key);
  });
  for (const child of known.values()) child.remove();
}

/** A message at the edge of the page: kind is "done", "problem" or "stop". */
export function tell(text, kind = "done") {
  const line = make("p", { class: `message ${kind}` }, text);
  byId("messages").append(line);
  if (kind === "problem") console.warn(text);
  while (byId("messages").children.length > 3) byId("messages").firstChild.remove();
  setTimeout(() => line.remove(), kind === "done" ? 5000 : 15000);
}

/** Seconds as 1:02:03, 2:03 or 0:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
