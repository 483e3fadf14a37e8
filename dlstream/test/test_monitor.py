"""What the launcher hears: one message that can't be used is left out, and the next one is heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import String

from dlstream.run.monitor import Monitor
from dlstream_common.ros import COMMAND, ENDS_BECAUSE, EVENT, TOLD_TO_END
from dlstream_msgs.msg import Command, ExperimentStatus

CAMERA = "/side/camera"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    made = Monitor("test", Path("rig.yaml"), ["/pose"])
    yield made
    made.close()


def test_a_count_that_is_none_does_not_end_what_the_launcher_hears(monitor, wait_for):
    publisher = monitor.node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def heard(text: str, count: int) -> bool:
        values = [KeyValue(key="top/poses", value=text), KeyValue(key="side/poses", value="3")]
        status = DiagnosticStatus(name="/pose", level=DiagnosticStatus.OK, message=text[:9], values=values)
        publisher.publish(DiagnosticArray(status=[status]))
        return monitor.line() == f"pose: {text[:9]}" and monitor.poses == count

    wait_for(lambda: heard("four", 3), "the first message")
    wait_for(lambda: heard("9" * 5000, 3), "the second")
    wait_for(lambda: heard("4", 7), "the third")


@pytest.mark.parametrize(
    ("options", "off"),
    [({"deciding": [CAMERA]}, Command.KEEP), ({"deciding": [CAMERA], "needed": [CAMERA]}, Command.DISARM), ({}, None)],
)
def test_outputs_go_off_as_soon_as_a_node_says_that_a_signal_ends_it(wait_for, options, off):
    monitor = Monitor("test", Path("rig.yaml"), [CAMERA, "/pose"], ["laser"], **options)
    try:
        commands: list[Command] = []
        monitor.node.create_subscription(Command, "outputs/laser/command", commands.append, COMMAND)
        publisher = monitor.node.create_publisher(DiagnosticArray, "/diagnostics", 10)

        def heard(name: str) -> bool:
            values = [KeyValue(key=TOLD_TO_END, value="True")]
            publisher.publish(DiagnosticArray(status=[DiagnosticStatus(name=name, values=values)]))
            return name.strip("/") in monitor.line()

        wait_for(lambda: heard("/pose"), "one on which nothing depends")
        assert not commands
        wait_for(lambda: heard(CAMERA) and (off is None or commands), "one that decides")
        assert {command.arm for command in commands} == ({off} if off is not None else set())
        assert all("was asked to end" in command.values[0].value for command in commands)
        assert monitor.told_to_end == (CAMERA if "needed" in options else "")
        assert monitor.was_told_to_end([CAMERA, "/other"])
        assert not monitor.was_told_to_end(["/other"])
    finally:
        monitor.close()


def test_a_node_that_gives_up_says_why(wait_for):
    monitor = Monitor("test", Path("rig.yaml"), ["/recorder"], ["laser"], needed=["/recorder"])
    try:
        publisher = monitor.node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        values = [KeyValue(key=TOLD_TO_END, value="True"), KeyValue(key=ENDS_BECAUSE, value="the disk is full")]

        def heard() -> bool:
            publisher.publish(DiagnosticArray(status=[DiagnosticStatus(name="/recorder", values=values)]))
            return bool(monitor.told_to_end)

        wait_for(heard, "what it says")
        assert (monitor.told_to_end, monitor.gave_up) == ("/recorder", "the disk is full")
        assert not monitor.was_told_to_end(["/recorder"]), "by a signal"
    finally:
        monitor.close()


def test_a_message_that_fails_is_left_out_and_the_next_is_heard(monitor, wait_for, capfd):
    def fail(message: String) -> None:
        raise ValueError(f"odd {message.data}")

    monitor.node.create_subscription(String, "odd", fail, 10)
    odd = monitor.node.create_publisher(String, "odd", 10)
    publisher = monitor.node.create_publisher(ExperimentStatus, "experiment/status", 10)
    said = []

    def complained() -> bool:
        odd.publish(String(data="\x1b]52"))
        said.append(capfd.readouterr().err)
        return "a message was left out (ValueError: odd" in "".join(said)

    wait_for(complained, "a complaint")
    assert "\x1b]52" not in "".join(said)

    def ran() -> bool:
        publisher.publish(ExperimentStatus(status=ExperimentStatus.RUNNING))
        return monitor.ran

    wait_for(ran, "the experiment's status")


def test_an_experiment_that_is_stopped_while_it_waits_is_called_off(monitor, wait_for):
    publisher = monitor.node.create_publisher(ExperimentStatus, "experiment/status", EVENT)

    def heard(status: int, reason: str = "") -> None:
        before = monitor.status
        publisher.publish(ExperimentStatus(status=status, reason=reason))
        wait_for(lambda: monitor.status is not before and monitor.status.status == status, f"status {status}")

    wait_for(lambda: publisher.get_subscription_count() > 0, "the monitor")
    heard(ExperimentStatus.IDLE)
    assert not monitor.called_off, "it has not waited yet"
    heard(ExperimentStatus.WAITING, "waits for poses of top")
    heard(ExperimentStatus.IDLE)
    heard(ExperimentStatus.IDLE)
    assert monitor.called_off
    heard(ExperimentStatus.WAITING, "waits for poses of top")
    assert not monitor.called_off, "it was started again"
    monitor.rig_ends = True
    heard(ExperimentStatus.IDLE)
    assert not monitor.called_off, "the rig's end has stopped it"
