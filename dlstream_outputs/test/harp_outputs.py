"""What tests of `type: harp` share: an output at a board of our own, which may take its time."""

from __future__ import annotations

import pytest
from harp_behavior import HarpBehavior

from dlstream_outputs import OUTPUTS, output_settings


def settings(port="/dev/ttyUSB9", line="DO0", **values):
    return output_settings("harp").model_validate({"port": port, "line": line, **values})


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may let the board, which is a thread of this process, take its time."""
    for name in ("PATIENT", "_SILENCE"):
        monkeypatch.setattr(f"dlstream_outputs.outputs.harp.{name}", 60.0)


@pytest.fixture
def board():
    made = HarpBehavior()
    yield made
    made.unplug()


@pytest.fixture
def opened(board):
    """Opens an output at the board, which may take its time; closes all at the end."""
    outputs = []

    def make(line="DO0", **values):
        values = {"watchdog": 10, "answer_timeout": 10, **values}
        outputs.append(OUTPUTS["harp"](settings(board.port, line, **values), lambda line: None))
        outputs[-1].open()
        return outputs[-1]

    yield make
    for output in outputs:
        output.close()


def tell(output, action, **values):
    return output.apply(output.settings.read(action, values))


def answers_within(output, seconds):
    output.settings = output.settings.model_copy(update={"answer_timeout": seconds})
