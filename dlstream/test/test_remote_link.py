"""The connection of `dlstream stop` to a recorder that has much to write still."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from dlstream.remote.link import Link
from dlstream.run.registry import RunningRig
from dlstream_common import DlstreamError


@contextmanager
def recorder(answers: Callable[[], bool]) -> Iterator[None]:
    """A service /recorder/stop, which answers, or not, when `answers` returns; then it is gone."""
    context = Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node("recorder", context=context)

    def stop(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not answers():
            context.shutdown()
            raise SystemExit  # this thread ends without an answer
        response.success = True
        response.message = "finished"
        return response

    node.create_service(Trigger, "/recorder/stop", stop)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except (SystemExit, rclpy.executors.ExternalShutdownException):
            node.destroy_node()

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        context.try_shutdown()
        thread.join()


def stop(link: Link, waits: Callable[[], None]) -> str:
    """Calls the service as soon as it is found, however long that takes."""
    while True:
        try:
            return link.trigger("/recorder/stop", waits)
        except DlstreamError as error:
            if "does not answer; see" not in str(error):
                raise


@pytest.fixture
def rig() -> Iterator[RunningRig]:
    before = dict(os.environ)  # which a link changes
    domain = {"ROS_DOMAIN_ID": before["ROS_DOMAIN_ID"]} if "ROS_DOMAIN_ID" in before else {}
    yield RunningRig("box", str(Path("rig.yaml")), os.getpid(), 0, ("/recorder",), (), (), domain, "service")
    os.environ.clear()
    os.environ.update(before)


def test_a_recorder_that_still_writes_is_waited_for(rig):
    written = threading.Event()
    with recorder(lambda: written.wait(300)), Link(rig, timeout=2.0) as link:
        assert stop(link, written.set) == "finished"
    assert written.is_set(), "it said that it waits"


def test_one_that_is_gone_is_not_waited_for(rig):
    waited = threading.Event()

    def ends() -> bool:
        waited.wait(300)
        return False

    gone = pytest.raises(DlstreamError, match="did not answer within 2 s")
    with recorder(ends), Link(rig, timeout=2.0) as link, gone:
        stop(link, waited.set)
    assert waited.is_set()
