// The page: signs in, connects, and hands what comes to its parts.

import { Calibration } from "./calibration.js";
import { Cameras } from "./cameras.js";
import { byId, letterOf, mark, openDialog, say, tell } from "./dom.js";
import { Latency } from "./latency.js";
import { Checks, Jobs } from "./jobs.js";
import { ask, Link, read } from "./link.js";
import { forgetLinks, showLinks } from "./links.js";
import { Log } from "./log.js";
import { Outputs } from "./outputs.js";
import { Protocol } from "./protocol.js";
import { Regions } from "./regions.js";
import { Router } from "./router.js";
import { Sessions } from "./sessions.js";
import { Rows } from "./rows.js";
import { keep, kept } from "./storage.js";
import { Triggers } from "./triggers.js";
import { openWizard } from "./wizard_main.js";

const NO_CONNECTION = "No connection to the rig: what you see is old, and what the rig does is not known.";

// STOP acts from the first moment, before anything else is known.
let stop = async () => {
  try {
    tell(await ask("stop"), "stop");
  } catch (error) {
    tell(`STOP: ${error.message}. Switch off at the device.`, "problem");
  }
};

async function start() {
  // A link that is pasted into an open tab is a mere change of its fragment: it would do nothing, and stay in the history.
  window.addEventListener("hashchange", () => location.hash.startsWith("#token=") && location.reload());
  const early = (event) => letterOf(event) === "s" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && stop();
  document.addEventListener("keydown", early);
  byId("stop").addEventListener("click", () => stop());
  theme();
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname); // it stays in no history and on no screenshot
  if (token) await ask("sign-in", { token }).catch((error) => say(byId("sign-in-problem"), error.message));
  const hello = await greeted();
  document.removeEventListener("keydown", early);
  if (hello.role === null) return signIn();
  document.body.dataset.role = hello.role;
  if (hello.pages.includes("wizard")) openWizard(hello);
  else open(hello);
}

/** What the panel says of itself; asked until it answers: a page may be loaded in a bad moment of the network. */
async function greeted() {
  for (;;) {
    const hello = await read("hello", 5000).catch(() => null);
    if (hello) return hello;
    connected(false);
    await new Promise((done) => setTimeout(done, 1000));
  }
}

function connected(yes) {
  mark(document.body, "connection", yes ? "open" : "lost");
  say(byId("connection").querySelector(".text"), yes ? "connected" : "no connection");
  byId("banner").hidden = yes;
  say(byId("banner"), yes ? "" : NO_CONNECTION);
}

function signIn() {
  for (const id of ["connection", "stop-box", "tablet", "help-button"]) byId(id).hidden = true; // nobody may do anything yet
  const form = byId("sign-in");
  form.hidden = false;
  byId("token").focus();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = byId("token").value;
    const token = given.includes("token=") ? given.split("token=")[1] : given;
    ask("sign-in", { token }).then(
      () => location.reload(),
      (error) => say(byId("sign-in-problem"), error.message),
    );
  });
}

function open(hello) {
  say(byId("rig-name"), hello.rig);
  byId("rig-name").title = hello.rig;
  say(byId("about"), [hello.subject, hello.role === "view" ? "for looking only" : ""].filter(Boolean).join(" · "));
  document.title = `${hello.rig} · dlstream panel`;
  byId("stop").disabled = hello.role === "view";
  const analysed = hello.nodes.includes("/pose");
  mark(byId("page"), "analysis", analysed ? "yes" : "no");
  byId("latency").parentElement.hidden = !analysed;
  const link = new Link(hello.panel, { state, log: (lines) => log.show(lines), measured: (at, values) => triggers.add(at, values), picture: (head, jpeg) => router.picture(head, jpeg), connected });
  const cameras = new Cameras(hello, link);
  const triggers = new Triggers(link);
  const [rows, outputs, protocol, log, latency] = [new Rows(hello, link), new Outputs(hello, link), new Protocol(hello, link, triggers), new Log(link), new Latency()];
  const rig = { main: "page", enter: () => cameras.watch(), picture: (head, jpeg) => cameras.show(head, jpeg) };
  const jobs = new Jobs();
  const regions = hello.pages.includes("regions") ? new Regions(hello, link) : null;
  const sessions = hello.pages.includes("sessions") ? new Sessions(hello, link, jobs) : null;
  const calibration = hello.pages.includes("outputs") ? new Calibration(hello) : null;
  const allOutputs = calibration && new Outputs(hello, link, "all-outputs", true);
  const checks = hello.pages.includes("checks") ? new Checks(link, jobs) : null;
  const router = new Router({
    rig,
    regions: regions && { main: "regions-page", enter: () => regions.enter(), leave: () => regions.leave(), picture: (head, jpeg) => regions.picture(head, jpeg), key: (event) => regions.key(event) },
    outputs: calibration && { main: "outputs-page", enter: () => (link.watch([]), calibration.enter()) },
    sessions: sessions && { main: "sessions-page", enter: () => (link.watch([]), sessions.enter()), leave: () => sessions.leave() },
    checks: checks && { main: "checks-page", enter: () => link.watch([]) },
  });
  let known = null;

  function state(message) {
    known = message;
    cameras.state = message;
    for (const part of [rows, outputs, allOutputs, protocol]) part?.show(message);
    for (const part of [regions, calibration, sessions, checks, jobs]) part?.state(message);
  }

  stop = async () => {
    try {
      const asked = ask("stop");
      outputs.whenStopped((after) => {
        if (after !== null) return tell(`STOP: every output says that it is off and disarmed, after ${after} ms`, "stop");
        tell(`STOP: ${known ? "not every output says that it is off" : "nothing was heard of any output: nobody knows whether it is off"}. Switch off at the device.`, "problem");
      });
      tell(await asked, "stop");
    } catch (error) {
      tell(`STOP: ${error.message}. Switch off at the device.`, "problem");
    }
  };

  byId("cameras").addEventListener("drawn", (event) => latency.add(event.detail));
  byId("tablet").addEventListener("click", showLinks);
  byId("links").addEventListener("close", forgetLinks);
  byId("help-button").addEventListener("click", () => openDialog("help"));
  document.addEventListener("keydown", (event) => {
    const key = letterOf(event);
    // A letter is no text in a field of numbers or a list: there, too, S is STOP.
    const noText = event.target.matches("[type=number], [type=range], select") && key === "s";
    const typing = !noText && event.target.matches("input:not([type=checkbox]), select, textarea");
    if (router.key(event, typing)) return;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) {
      if (!(key === "s" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat)) return;
    }
    const acts = hello.role === "control";
    if (key === "s" && acts) stop();
    else if (key === "?") openDialog("help");
    else if (router.current !== "rig") return;
    else if (key === "n" && acts) log.begin("note");
    else if (key === "m" && acts) log.begin("mark");
    else if (/^[1-9]$/.test(key)) cameras.enlarge(hello.cameras[Number(key) - 1]);
    else return;
    event.preventDefault();
  });
  setInterval(() => known && state(known), 1000); // what falls silent is seen without a new word
  router.start();
  link.open();
}

/** Light or dark: the system's, until somebody chooses. */
function theme() {
  const chosen = kept("theme", true);
  if (chosen) document.documentElement.dataset.theme = chosen;
  byId("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    keep("theme", document.documentElement.dataset.theme, true);
  });
}

start();
