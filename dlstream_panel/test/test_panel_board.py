"""What the panel makes of what the nodes say: whether a run is on, and how often triggers were true in it."""

from __future__ import annotations

from typing import Any

import pytest

from dlstream.run.hanging import AFTER, Hanging
from dlstream_common.ros import Diagnosis, Level
from dlstream_common.ros.diagnostics import diagnosis_to_message
from dlstream_panel.board import Board

KILLED = {"text": "was killed by SIGKILL"}


def says(board: Board, status: str, *triggers: str) -> None:
    """A word of the experiment."""
    about: dict[str, Any] = {"name": "demo", "state": "trial left", "elapsed": 3.0, "reason": "", "counts": {}}
    board.experiment(status=status, triggers=list(triggers), at=5.0, **about)


@pytest.mark.parametrize("process", ["/experiment", "/together"])
@pytest.mark.parametrize("status", ["running", "waiting"])
def test_a_run_ends_with_its_node(process: str, status: str) -> None:
    board = Board(["top"], [], ["/experiment"])
    says(board, status, "in_left")
    board.event("fault", "/pose", KILLED, 6.0)
    assert board.run_is_on, "another node's death"
    board.event("fault", process, KILLED, 7.0)
    seen = board.state()
    assert not seen["run"]
    assert (seen["experiment"]["status"], seen["experiment"]["state"]) == ("fault", "")
    assert seen["experiment"]["reason"] == f"{process} was killed by SIGKILL"
    assert not seen["triggers"]["in_left"]["active"]
    assert board.log_after(0)[-1]["text"] == "was killed by SIGKILL"
    says(board, "running", "in_left")
    assert board.run_is_on, "it was started again"


def test_a_run_whose_node_hangs_may_go_on() -> None:
    board, hanging = Board(["top"], [], ["/experiment"]), Hanging()
    says(board, "running", "in_left")
    [said] = diagnosis_to_message(Diagnosis(Level.OK, "running"), "/experiment", "", None).status
    hanging.news(0.0, lambda node: True)
    hanging.add(said, 0.0)
    found = [one for tenth in range(int(AFTER) * 10 + 20) for one in hanging.news(tenth / 10, lambda node: True)]
    [hang] = found
    board.event("fault", hang.node, {"text": hang.text}, 20.0)
    assert board.run_is_on
    assert board.state()["triggers"]["in_left"]["active"]


@pytest.mark.parametrize("status", ["", "idle", "waiting"])
def test_how_often_a_trigger_was_true_is_known_of_runs_that_were_heard_from_their_start(status: str) -> None:
    board = Board(["top"], [], ["/experiment"])
    board.bounds({"in_right": {}})

    def counts() -> list[int | None]:
        return [board.state()["triggers"][name]["count"] for name in ("in_left", "in_right")]

    says(board, "running", "in_left")
    board.event("trigger_rose", "in_left", {}, 6.0)
    assert counts() == [None, None], "the panel was started during the run"
    says(board, "finished", "in_left")
    assert counts() == [None, None]
    if status:
        says(board, status, "in_left")
        assert counts() == [0, 0]
    board.event("experiment_started", "demo", {}, 7.0)
    board.event("trigger_rose", "in_left", {}, 8.0)
    says(board, "running", "in_left")
    assert counts() == [1, 0]
    says(board, "waiting", "in_left")
    assert counts() == [1, 0], "the last run's, until the next one begins"
