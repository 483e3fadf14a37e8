"""What the panel makes of what the nodes say: whether a run is on."""

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
