"""Nodes that hang: what the launcher makes of their silence."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from dlstream.run.hanging import AFTER, Hanging
from dlstream_common.ros import LIFECYCLE, Diagnosis, Level
from dlstream_common.ros.diagnostics import diagnosis_to_message


def said(state: str, node: str = "/recorder") -> DiagnosticStatus:
    diagnosis = Diagnosis(Level.OK, "inactive", {} if state == "active" else {LIFECYCLE: state})
    return diagnosis_to_message(diagnosis, node, "", Time()).status[0]


class Asked:
    """Asks ten times a second, as the launcher does."""

    def __init__(self) -> None:
        self.hanging, self.steady = Hanging(), 1000.0
        self.until(0.1)

    def until(self, seconds: float, there: bool = True) -> list[tuple[str, str]]:
        """What is told in this time."""
        found, end = [], self.steady + seconds
        while self.steady < end:
            self.steady += 0.1
            found += [(one.node, one.text) for one in self.hanging.news(self.steady, lambda node: there)]
        return found

    def hear(self, state: str = "active", node: str = "/recorder") -> None:
        self.hanging.add(said(state, node), self.steady)


def test_a_node_that_hangs_is_told_once_and_when_it_is_back():
    asked = Asked()
    asked.hear()
    assert asked.until(AFTER - 1) == []
    told = ("/recorder", "has said nothing for 15 s, and has not ended: it hangs, or its computer is too busy")
    assert asked.until(100) == [told]
    asked.hear()
    assert asked.until(1) == [("/recorder", "it is back, after 114 s")]
    assert asked.until(AFTER + 1) == [told], "and again"


def test_a_node_that_has_ended_or_not_begun_does_not_hang():
    asked = Asked()
    asked.hear()
    assert asked.until(60, there=False) == []
    assert asked.until(60) == [], "it is forgotten"
    for state in ("configuring", "inactive"):
        asked.hear()
        asked.hear(state)
        assert asked.until(900) == [], "a large network takes its time"


def test_each_node_is_told_of_by_itself():
    asked = Asked()
    asked.hear(node="/pose")
    asked.hear()
    asked.until(10)
    asked.hear(node="/pose")
    assert [node for node, _ in asked.until(10)] == ["/recorder"]
    assert [node for node, _ in asked.until(10)] == ["/pose"]


def test_a_launcher_that_did_not_run_itself_accuses_nobody():
    asked = Asked()
    asked.hear()
    asked.steady += 60
    assert asked.until(5) == [], "what came meanwhile is not read yet"
    asked.hear()
    assert asked.until(10) == []


def test_a_node_that_hangs_is_not_back_because_the_launcher_did_not_run():
    asked = Asked()
    asked.hear()
    assert len(asked.until(AFTER + 1)) == 1
    asked.steady += 60
    assert asked.until(AFTER + 1) == [], "nothing has come of it, and it was told"
    asked.hear()
    assert [text.partition(",")[0] for _, text in asked.until(1)] == ["it is back"]
