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

/** What is being typed counts, before anything else is chosen: a field tells of its change only as it loses the focus. */
export function settle() {
  if (document.activeElement?.matches("input, textarea")) document.activeElement.blur();
}

/** A name where there is little room for it. */
export function brief(name, most = 28) {
  const letters = [...name];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : name;
}

/** Sets data-KEY of an element. */
export function mark(element, key, value) {
  if (element.dataset[key] !== value) element.dataset[key] = value;
}

let held = null; // {control, at}: what had the focus last when it could not be used any more
document.addEventListener("pointerdown", () => (held = null), true); // who clicks elsewhere has moved on

/** Whether a letter typed there is text: S would be no STOP. */
const takesText = (field) => field.matches("textarea, input:not([type=checkbox], [type=number], [type=range])");

/**
 * Lets a button, or all fields of a fieldset, be used, or not. What has the focus hands it to what is around it, where
 * keys still act and Tab goes on, and gets it back: who uses keys stays where they were. A field for text does not get it
 * back by itself: who is about to press S for STOP would type a letter.
 */
export function allow(control, yes) {
  if (control.disabled === !yes) return;
  const [around, at] = [control.parentElement.closest("[tabindex]"), document.activeElement];
  if (!yes && control.contains(at)) {
    held = { control, at };
    around?.focus({ preventScroll: true });
  }
  control.disabled = !yes;
  if (!yes || held?.control !== control) return;
  if ([around, document.body].includes(at) && !takesText(held.at)) held.at.focus({ preventScroll: true });
  held = null;
}

const TURN = 700; // ms

/** Gives a button another word. For a moment it can't be pressed then: who presses it just now has read the old one. */
export function turn(button, word, yes) {
  const turned = button.textContent !== "" && button.textContent !== word;
  say(button, word);
  if (turned) {
    clearTimeout(button.turning);
    button.turning = setTimeout(() => {
      button.turning = 0;
      allow(button, button.allowed);
    }, TURN);
  }
  button.allowed = yes;
  allow(button, yes && !button.turning);
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

/** The letter of a key, also where the keyboard is set to another alphabet, which has none of our letters. */
export const letterOf = ({ key, code }) => (/^[ -~]$/.test(key) || !/^Key[A-Z]$/.test(code) ? key : code.at(-1)).toLowerCase();

/** A message at the edge of the page: kind is "done", "problem" or "stop". */
export function tell(text, kind = "done") {
  const line = make("p", { class: `message ${kind}` }, text);
  byId("messages").append(line);
  if (kind === "problem") console.warn(text);
  while (byId("messages").children.length > 3) byId("messages").firstChild.remove();
  setTimeout(() => line.remove(), kind === "done" ? 5000 : 15000);
}

/**
 * Opens a dialog. All else of the page can't be reached then, so STOP, the messages and the banner go into the dialog
 * until it closes: STOP stays where it is on the screen, and what the page says is seen and read aloud.
 */
export function openDialog(id) {
  const [dialog, before] = [byId(id), document.activeElement];
  if (dialog.open) return; // asked for twice, and the second answer came now
  const { top, right, bottom, width, height } = byId("stop-box").getBoundingClientRect();
  dialog.style.setProperty("--stop-top", `${top}px`);
  dialog.style.setProperty("--stop-right", `${document.documentElement.clientWidth - right}px`);
  dialog.style.setProperty("--below-stop", `${bottom + 16}px`);
  dialog.showModal(); // before they move: its first field has the focus, not STOP
  const back = ["banner", "stop-box", "messages"].map((name) => {
    const [part, place] = [byId(name), make("span", { "aria-hidden": "true" })];
    if (name === "stop-box") [place.style.width, place.style.height] = [`${width}px`, `${height}px`]; // nothing moves up
    else place.hidden = true;
    part.replaceWith(place);
    if (name === "banner") dialog.prepend(part);
    else dialog.append(part);
    return () => place.replaceWith(part);
  });
  dialog.addEventListener(
    "close",
    () => {
      for (const move of back) move();
      const now = document.activeElement;
      if (now === document.body || dialog.contains(now)) before.focus({ preventScroll: true }); // it was STOP, which had moved
    },
    { once: true },
  );
}

/** Seconds as 1:02:03, 2:03 or 0:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
