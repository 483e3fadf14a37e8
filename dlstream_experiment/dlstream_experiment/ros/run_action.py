"""The action `run`: one run of an experiment, with feedback, cancel and result.

The goal waits as a coroutine for its end, so that the executor's one thread stays free for poses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from dlstream_common.ros import key_values
from dlstream_msgs.action import RunExperiment
from dlstream_msgs.msg import ExperimentStatus


class RunAction:
    """At most one goal at a time; another one is aborted at once, with the reason.

    Args:
        begin: called with the goal's file; returns why it can't begin, or nothing.
        cancel: called when the goal is to end.
    """

    def __init__(self, node: LifecycleNode, begin: Callable[[str], str], cancel: Callable[[], object]) -> None:
        self._node, self._begin, self._cancel = node, begin, cancel
        self._goal: ServerGoalHandle | None = None
        self._ended: Future | None = None
        self._cancelling = False
        self._server = ActionServer(node, RunExperiment, "~/run", self._execute, cancel_callback=self._on_cancel)

    @property
    def active(self) -> bool:
        """Whether a goal waits for its end."""
        return self._goal is not None

    def feedback(self, status: ExperimentStatus) -> None:
        """Sends the status to the goal, if there is one."""
        if self._goal is not None:
            self._goal.publish_feedback(RunExperiment.Feedback(status=status))

    def finish(
        self, success: bool, reason: str, duration: float = 0.0, counts: Mapping[str, int] | None = None
    ) -> None:
        """The goal's run is over (or could not begin)."""
        goal, ended, self._goal, self._ended = self._goal, self._ended, None, None
        if goal is None or ended is None:
            return
        if not self._cancelling and goal.is_active:
            (goal.succeed if success else goal.abort)()
        ended.set_result(_result(success, reason, duration, counts or {}))

    def close(self) -> None:
        """Takes the action down."""
        self.finish(False, "the experiment node was shut down")
        self._server.destroy()

    async def _execute(self, goal: ServerGoalHandle) -> Any:
        problem = "another goal is being run" if self.active else self._begin_goal(goal)
        if problem:
            self._node.get_logger().error(f"run refused: {problem}")
            goal.abort()
            return _result(False, problem, 0.0, {})
        assert self._ended is not None
        result = await self._ended
        if goal.is_cancel_requested:
            goal.canceled()
        return result

    def _begin_goal(self, goal: ServerGoalHandle) -> str:
        self._goal, self._ended, self._cancelling = goal, Future(), False
        problem = self._begin(goal.request.file)
        if problem:
            self._goal = self._ended = None
        return problem

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        if self._goal is None or goal.goal_id != self._goal.goal_id:
            return CancelResponse.REJECT
        self._cancelling = True  # to be seen by `finish`: rclpy marks the goal only after this
        self._cancel()
        return CancelResponse.ACCEPT


def _result(success: bool, reason: str, duration: float, counts: Mapping[str, int]) -> Any:
    return RunExperiment.Result(success=success, reason=reason, duration=duration, counts=key_values(counts))
