"""What dies in a run with the panel open, and the panel itself; in a browser, without which it is skipped."""

from __future__ import annotations

import os
import signal

from panel_tools import (
    events,
    link_of,
    needs_chromium,
)
from rig_tools import recorded

pytestmark = needs_chromium


def test_the_death_of_the_panel_changes_nothing_in_the_run(open_panel):
    rig, page = open_panel()
    recorded(rig, 10)
    os.kill(rig.node("/panel"), signal.SIGKILL)
    rig.saw("/panel was killed by SIGKILL; the rig continues without it")
    page.until("document.body.dataset.connection === 'lost'")
    page.until("document.querySelector('.veil').innerText === 'no connection'")
    assert not page.run("document.getElementById('banner').hidden")
    page.press("s")
    page.until("document.getElementById('messages').innerText.includes('whether this was done is not known')")
    frames = len((rig.session / "top.frames.csv").read_bytes().splitlines())
    recorded(rig, frames + 60)
    assert "experiment_ended" not in rig.output
    assert rig.stop() == 0
    assert rig.about()["summary"]["frames_dropped"] == 0
    ended = [row for row in events(rig) if row["kind"] == "experiment_ended"]
    assert len(ended) == 1, "only as the rig was stopped"


def test_what_dies_is_shown_and_a_reload_shows_the_truth(open_panel):
    rig, page = open_panel(("type: screen", "on_failure: continue\n    type: screen"))
    recorded(rig, 10)  # by now the panel hears whoever reports a death
    os.kill(rig.node("/outputs/screen"), signal.SIGKILL)
    shows = "document.querySelector('#outputs .what').innerText.includes('{}')"
    page.until(shows.format("what it does is not known"))
    page.go(link_of(rig))
    page.until(shows.format("not known"))
    page.until("document.getElementById('log').innerText.includes('was killed by SIGKILL')")
    rig.stop()
