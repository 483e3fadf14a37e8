// The panel without a rig: the page Wizard, on which one is made, the regions drawn for it, and the sessions.

import { byId, mark, say } from "./dom.js";
import { Jobs } from "./jobs.js";
import { Link } from "./link.js";
import { Regions } from "./regions.js";
import { Router } from "./router.js";
import { Sessions } from "./sessions.js";
import { Wizard } from "./wizard.js";

const NO_CONNECTION = "No connection: `dlstream panel` has ended, or this machine is not reached. What you have answered stays in this window.";

export function openWizard(hello) {
  document.body.dataset.rig = "none";
  say(byId("rig-name"), hello.rig);
  say(byId("about"), "no rig runs here: make one");
  document.title = `${hello.rig} · new rig · dlstream panel`;
  for (const id of ["stop-box", "tablet", "help-button"]) byId(id).hidden = true;
  byId("back-to-wizard").hidden = false;
  say(byId("file-title"), "Wizard");
  say(byId("discard-regions"), "As they were");
  const link = new Link(hello.panel, { state, log: () => null, measured: () => null, picture: () => null, connected });
  const jobs = new Jobs();
  const wizard = new Wizard(hello, jobs);
  const regions = new Regions(hello, link, wizard.keeper, () => wizard.grounds());
  const sessions = new Sessions(hello, link, jobs);
  const router = new Router({
    wizard: { main: "wizard-page", enter: () => wizard.enter() },
    regions: { main: "regions-page", enter: () => regions.enter(), leave: () => regions.leave(), key: (event) => regions.key(event) },
    sessions: { main: "sessions-page", enter: () => sessions.enter(), leave: () => sessions.leave() },
  });

  function state(message) {
    for (const part of [regions, sessions, jobs, wizard]) part.state(message);
  }

  function connected(yes) {
    mark(document.body, "connection", yes ? "open" : "lost");
    say(byId("connection").querySelector(".text"), yes ? "connected" : "no connection");
    byId("banner").hidden = yes;
    say(byId("banner"), yes ? "" : NO_CONNECTION);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    router.key(event, typing);
  });
  router.start();
  link.open();
}
