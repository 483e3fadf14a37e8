"""What comes after the end of an experiment belongs in a session that is stopped with it."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from rclpy.duration import Duration
from std_srvs.srv import Trigger

from dlstream_common.ros import COMMAND, EVENT, stamp_to_message
from dlstream_msgs.msg import Acknowledgement, ExperimentStatus
from dlstream_msgs.srv import StartRecording
from dlstream_recorder.report.tables import read_events
from dlstream_recorder.ros._last_words import FINAL_WAIT, LastWords


@pytest.mark.parametrize("ended", [True, False])
def test_answers_to_an_experiments_end_are_in_a_session_that_is_stopped_with_it(
    start_node, observer, wait_for, tmp_path, ended
):
    start_node(
        "dlstream_recorder.ros.node", directory=tmp_path, start="service", outputs=["screen"], min_free=0.0, bag=False
    )
    statuses = observer.node.create_publisher(ExperimentStatus, "/experiment/status", EVENT)
    answers = observer.node.create_publisher(Acknowledgement, "/outputs/screen/acknowledgement", COMMAND)
    for publisher in (statuses, answers):
        wait_for(publisher.get_subscription_count, "the recorder's subscriptions")
    assert not observer.call(Trigger, "/recorder/stop", Trigger.Request()).success, "its client is there from now on"

    def recorded(number: int) -> bool:
        """Whether the answer that comes while the session is being stopped is in it."""
        name = f"session {number}"
        assert observer.call(StartRecording, "/recorder/start", StartRecording.Request(name=name)).success
        for status in (ExperimentStatus.RUNNING, ExperimentStatus.FINISHED)[: 1 + ended]:
            statuses.publish(ExperimentStatus(status=status))
        assert statuses.wait_for_all_acked(Duration(seconds=60))
        now = stamp_to_message(time.time_ns())
        answer = Acknowledgement(
            source="experiment", id=number, output="screen", success=True, received=now, applied=now
        )
        later = threading.Timer(FINAL_WAIT / 3, partial(answers.publish, answer))
        later.start()
        stopped = observer.call(Trigger, "/recorder/stop", Trigger.Request())
        later.join()
        assert stopped.success, stopped.message
        return read_events(tmp_path / name)[["kind", "id"]].values.tolist() == [["acknowledgement", number]]

    # A busy machine may send an answer later than anybody waits for it, but not each time.
    assert any(recorded(number) for number in range(1, 6))


def test_the_last_words_of_an_experiment_are_waited_for_as_long_as_they_may_come():
    clock = [100.0]

    def sleep(seconds):
        clock[0] += seconds

    words = LastWords(lambda: clock[0], sleep)
    heard = []
    words.heard(False)
    words.wait(lambda: heard.append(clock[0]))
    assert heard == [100.0], "no experiment has run"
    words.heard(True)
    words.wait(lambda: heard.append(clock[0]))
    assert clock[0] == pytest.approx(100 + FINAL_WAIT, abs=0.03)
    words.heard(False)
    sleep(FINAL_WAIT / 2)
    words.heard(False)  # it says so once a second
    words.wait(lambda: None)
    assert clock[0] == pytest.approx(100 + 2 * FINAL_WAIT, abs=0.06)
    words.wait(heard.clear)
    assert clock[0] == pytest.approx(100 + 2 * FINAL_WAIT, abs=0.06), "it ended long ago"
