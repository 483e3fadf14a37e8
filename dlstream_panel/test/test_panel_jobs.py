"""The commands that a page starts: real ones, one at a time, and never while a run is on."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dlstream_panel.board import Board
from dlstream_panel.checks import Checks
from dlstream_panel.jobs import JobError
from dlstream_panel.requests import EndJob, StartJob
from dlstream_panel.settings import PanelSettings

RIG = Path(__file__).parents[2] / "config" / "rig.demo.yaml"
PATIENCE = 300.0


class Bench:
    """The checks of a rig, and the board that hears of them."""

    def __init__(self, rig: Path) -> None:
        self.board = Board(["top"], [], ["/experiment"])
        self.checks = Checks(PanelSettings(rig_file=str(rig)), self.board, None)

    def status(self, status: str, reason: str = "") -> None:
        self.board.experiment(status=status, reason=reason, triggers=[], at=0.0)

    async def until(self, condition: Any) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.checks.view()
            await asyncio.sleep(0.02)
        return self.checks.view()


def test_a_check_runs_one_at_a_time_and_says_what_it_printed_and_how_it_ended(tmp_path: Path) -> None:
    async def checked() -> None:
        bench = Bench(RIG)
        version = bench.board.version
        assert bench.checks.start(StartJob(what="check")) == f"started: dlstream check {RIG}"
        with pytest.raises(JobError, match="'check' is still running"):
            bench.checks.start(StartJob(what="camera"))
        done = await bench.until(lambda: not bench.checks.running)
        assert (done["name"], done["code"]) == ("check", 0)
        assert any("is valid" in line for line in done["lines"])
        assert bench.board.version > version
        assert bench.board.state()["job"]["running"] is False
        bad = Bench(tmp_path / "rig.yaml")
        (tmp_path / "rig.yaml").write_text("rig: x\ncameras: {top: {source: synthetic, fsp: 30}}\n")
        bad.checks.start(StartJob(what="check"))
        done = await bad.until(lambda: not bad.checks.running)
        assert done["code"] == 1
        assert "rig.yaml:2" in "\n".join(done["lines"])
        assert "fsp" in "\n".join(done["lines"])

    asyncio.run(checked())


@pytest.mark.slow
def test_a_command_can_be_ended_and_ends_with_the_panel(tmp_path: Path) -> None:
    async def ended() -> None:
        bench = Bench(RIG)
        with pytest.raises(JobError, match="no command is running"):
            bench.checks.end(EndJob())
        bench.checks.start(StartJob(what="camera"))
        await bench.until(lambda: any("reading" in line for line in bench.checks.view()["lines"]))
        bench.checks.end(EndJob())
        await bench.until(lambda: not bench.checks.running)
        assert any("ended by Ctrl-C" in line for line in bench.checks.view()["lines"])
        bench.checks.start(StartJob(what="camera"))
        await bench.until(lambda: any("reading" in line for line in bench.checks.view()["lines"]))
        bench.checks.close()
        assert (await bench.until(lambda: not bench.checks.running))["code"] == -9

    asyncio.run(ended())


def test_nothing_is_started_in_a_run_or_without_a_rig_file() -> None:
    bench = Bench(RIG)
    for status, reason in (("running", ""), ("waiting", "waits for poses of top")):
        bench.status(status, reason)
        with pytest.raises(JobError, match="a run is on"):
            bench.checks.start(StartJob(what="check"))
    bench.status("finished", "after 10 trials")
    with pytest.raises(JobError, match="records no sessions"):
        bench.checks.start(StartJob(what="report", session="0" * 20))
    with pytest.raises(JobError, match="records no sessions"):
        bench.checks.start(StartJob(what="replay", session="0" * 20, parameter="triggers.a.dwell", value="0.2"))
    for parameter, value in (("triggers.a.model", "/etc/passwd"), ("a=b", "1"), ("a", "..\\b")):
        with pytest.raises(ValidationError):
            StartJob(what="replay", session="0" * 20, parameter=parameter, value=value)
    with pytest.raises(JobError, match="without a rig file"):
        Checks(PanelSettings(), Board([], [], []), None).start(StartJob(what="check"))


def test_a_token_that_a_command_prints_is_not_for_those_who_may_only_look(panel, wait_for, tmp_path) -> None:
    rig = tmp_path / "rig.yaml"
    link = "open http://127.0.0.1:1/#token=secret"
    rig.write_text(f"rig: x\ncameras: {{top: {{source: '{link}'}}}}\n")
    panel = panel(token=str(tmp_path / "panel.token"), rig_file=str(rig))
    acts, looks = (panel.sign_in(token) for token in panel.tokens)
    assert panel.post("start-job", {"what": "check"}, acts)[0] == 200

    def job(cookie: str) -> Any:
        return panel.ask("GET", "/api/job", {"Cookie": cookie})[1]

    wait_for(lambda: not job(looks)["running"], "the end of the check")
    for cookie in (acts, looks):
        said = json.dumps(job(cookie), ensure_ascii=False)
        assert "http://127.0.0.1:1/#token=…" in said, "it was printed"
        assert "secret" not in said


def test_the_wizard_opens_the_link_of_the_rig_that_it_has_started(tmp_path: Path) -> None:
    async def printed() -> None:
        board = Board([], [], [])
        checks = Checks(PanelSettings(), board, None, lookers=False)
        rig = tmp_path / "rig.yaml"
        rig.write_text("rig: x\ncameras: {top: {source: 'open http://127.0.0.1:1/#token=secret'}}\n")
        checks.run("run", ["check", str(rig)], 1.0)
        end = time.monotonic() + PATIENCE
        while checks.running:
            assert time.monotonic() < end, checks.view()
            await asyncio.sleep(0.02)
        assert checks.view()["link"].startswith("http://127.0.0.1:1/#token=secret")

    asyncio.run(printed())
