"""A rig whose experiment never ran."""

from __future__ import annotations

from test_rig_remote import BY_HAND


def test_an_experiment_that_nobody_started_is_named_last(start, write_rig):
    rig = start("run", str(write_rig(BY_HAND)), "--local", "--seconds", "0.5")
    assert rig.wait() == 0, rig.output
    said = " ".join(rig.output.split()).rpartition("Session ")[2]
    assert said.endswith(
        "The experiment never ran: the rig says `autostart_run: false`, and nobody started it (`dlstream start`)."
    )


def test_what_an_experiment_waited_for_in_vain_is_named_last(start, write_rig):
    nobody = ("outputs:\n  screen:", "outputs:\n  other:")
    somebody = ("recorder:", "  screen: {type: topic}\nrecorder:")
    rig = start("run", str(write_rig(nobody, somebody)), "--local")
    rig.saw("waits for output 'screen'")
    assert rig.stop() == 0, rig.output
    said = " ".join(rig.output.split()).rpartition("Session ")[2]
    assert "The experiment never ran: its status to the end was 'waits for output 'screen': " in said


def test_a_run_whose_time_is_over_before_its_experiment_began_has_failed(start, write_rig):
    nobody = ("outputs:\n  screen:", "outputs:\n  other:")
    somebody = ("recorder:", "  screen: {type: topic}\nrecorder:")
    rig = start("run", str(write_rig(nobody, somebody)), "--local", "--seconds", "0.5")
    assert rig.wait() == 1, rig.output
    rig.saw("stopping: 0.5 s elapsed, and the experiment has not begun")
    said = " ".join(rig.output.split()).rpartition("Session ")[2]
    assert "The experiment never ran: " in said


def test_a_video_that_ends_before_its_experiment_began_has_failed(start, write_rig):
    nobody = ("outputs:\n  screen:", "outputs:\n  other:")
    somebody = ("recorder:", "  screen: {type: topic}\nrecorder:")
    rig = start("run", str(write_rig(nobody, somebody, ("seed: 1}", "seed: 1, frames: 30}"))), "--local")
    assert rig.wait() == 1, rig.output
    rig.saw("stopping: /top/camera has finished")
    said = " ".join(rig.output.split()).rpartition("Session ")[2]
    assert "The experiment never ran: " in said  # its node may not have said yet what it waits for
