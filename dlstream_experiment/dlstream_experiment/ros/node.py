"""The experiment node: poses in, commands to outputs out, decided as each pose arrives."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from dlstream_common import Command, DlstreamError, Event, event_kinds, suggest
from dlstream_common.lateness import uptime
from dlstream_common.ros import Diagnosis, DlstreamNode, Level, run_node
from dlstream_experiment.model.experiment import Experiment
from dlstream_experiment.model.names import nanoseconds
from dlstream_experiment.ros.connections import Connections, sources_of
from dlstream_experiment.ros.experiment_file import ExperimentFile
from dlstream_experiment.ros.forward_steps import ForwardSteps
from dlstream_experiment.ros.heartbeat import Heartbeat
from dlstream_experiment.ros.messages import status_to_message
from dlstream_experiment.ros.publications import Publications
from dlstream_experiment.ros.run_action import RunAction
from dlstream_experiment.ros.waiting import Waiting
from dlstream_experiment.ros.watched import Watched
from dlstream_experiment.runtime.effects import Effect, Phase, RegionStates
from dlstream_experiment.runtime.engine import Engine
from dlstream_experiment.runtime.inputs import Fault, Input, Poses, Start, Stop, Tick
from dlstream_experiment.settings import ExperimentSettings
from dlstream_msgs.msg import ExperimentStatus
from dlstream_msgs.srv import GetExperimentStatus

_TICK = 0.05
_POSES_COME = 1.0
_GRACE = 2.0  # seconds in which the outputs may acknowledge their last "off", if no more are allowed for any command


class ExperimentNode(DlstreamNode[ExperimentSettings]):
    """Runs an experiment file, on ~/start or the action ~/run, or by itself with autostart_run."""

    default_name = "experiment"
    ends_first = True

    def __init__(self, **options: Any) -> None:
        super().__init__(ExperimentSettings, **options)
        self._engine: Engine | None = None
        self._connections: Connections | None = None
        self._waiting: Waiting | None = None
        self._never_began = ""  # why the last run that was to begin did not
        self._closers: list[Callable[[], object]] = []

    # The life cycle.

    def configure(self, settings: ExperimentSettings) -> None:
        self._poses, self._decision_time, self._stopped = 0, 0, False
        self._file = ExperimentFile(settings, self.get_logger())
        self._publications = Publications(self)
        self._watched = Watched(self)
        self._closers += [self._publications.close, self._watched.close]
        self._use(self._file.experiment)
        self._action = RunAction(self, self._begin_goal, lambda: self._stop_run("cancelled"))
        self._closers.append(self._action.close)
        for kind, name, answer in (
            (Trigger, "~/start", self._on_start),
            (Trigger, "~/stop", self._on_stop),
            (Trigger, "~/reload", self._on_reload),
            (GetExperimentStatus, "~/get_status", self._on_get_status),
        ):
            self._closers.append(partial(self.destroy_service, self.create_service(kind, name, answer)))

    def activate(self) -> None:
        self._steps = ForwardSteps()
        self._heartbeat = Heartbeat(self, lambda: self._running_engine.running, self._clock_now)
        periods = {self._tick: _TICK, self._publish_status: 1.0, self._look_at_publishers: 1.0}
        self._ticking = [self.create_timer(period, callback) for callback, period in periods.items()]
        self._publish_regions(self._running_engine.regions())
        self._watched.repeat()
        self._publish_status()
        if self.settings and self.settings.autostart_run:
            self._wait(self.settings, for_poses=True)

    def deactivate(self) -> None:
        for timer in self._ticking:
            self.destroy_timer(timer)
        if self._stop_run("the experiment node was stopped") and self._connections:
            timeout = self.settings.acknowledgement_timeout if self.settings else 0.0
            self._connections.settle(max(_GRACE, timeout))
        self._heartbeat.close()
        self._publications.wait_for_delivery()

    def cleanup(self) -> None:
        if self._connections:
            self._connections.close()
        for close in reversed(self._closers):
            close()
        self._closers, self._connections, self._engine = [], None, None

    def diagnose(self) -> Diagnosis:
        status = self._running_engine.status(self._clock_now())
        faults = self._publications.faults
        said = f"{faults} fault{'s' if faults > 1 else ''}, the last: {self._publications.last_fault}" if faults else ""
        values = {
            "experiment": status.experiment,
            "status": "waiting" if self._waiting else status.phase.name.lower(),
            "state": status.state,
            "poses": self._poses,
            "stale": self._running_engine.stale,
            "faults": faults,
            "trouble": said,
            "decision_ms": f"{self._decision_time / 1e6:.3f}",
            **status.counts,
        }
        text = " ".join([status.phase.name.lower(), *(f"{name}={count}" for name, count in status.counts.items())])
        if self._waiting and self._waiting.reason:
            return Diagnosis(Level.WARN if self._waiting.lacks_output else Level.OK, self._waiting.reason, values)
        if status.phase is Phase.FAULT or self._never_began:
            return Diagnosis(Level.ERROR, self._never_began or status.reason, values)
        if said:
            return Diagnosis(Level.WARN, f"{text}; {said}", values)
        return Diagnosis(Level.OK, text, values)

    # From poses and time to effects.

    def _clock_now(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    @property
    def _running_engine(self) -> Engine:
        if self._engine is None:
            raise DlstreamError("the experiment node is not configured")
        return self._engine

    def _on_input(self, item: Input) -> None:
        if isinstance(item, Poses):
            self._poses += 1
        if self._running_engine.running:
            self._handle(item)

    def _tick(self) -> None:
        self._heartbeat.turn()
        engine, connections = self._running_engine, self._connections
        if connections is None or self.settings is None:
            return
        stamp = self._clock_now()
        step = "" if self.in_simulated_time else self._steps.fault(stamp, uptime())
        if step and engine.running:
            self._complain("clock", step)
        elif step:
            self.get_logger().warning(step)
        if engine.needs_tick(stamp):
            self._handle(Tick(stamp))
        elif not engine.running:
            connections.ask()
        connections.complain_of_overdue(self.settings.acknowledgement_timeout)
        if engine.running:
            wrong = connections.supervise(again=self.settings.on_output_loss == "again")
            if wrong and self.settings.on_output_loss == "stop":
                self._stop_run(wrong, fault=True)
        if self._waiting:
            self._begin_if_possible(self._waiting, connections)

    def _look_at_publishers(self) -> None:
        if self._connections and self._running_engine.running:
            self._connections.complain_of_publishers()

    def _handle(self, item: Input) -> None:
        """Decides on an input and carries out what follows; written down is it after that."""
        engine = self._running_engine
        effects = engine.handle(item)
        self._carry_out(effects, begins=isinstance(item, Start) and engine.running)
        if isinstance(item, Poses) and item.arrived is not None:
            self._decision_time = self._clock_now() - item.arrived
        self._publications.journal(item, effects, engine.experiment)
        self._watched.after(item, engine, self._clock_now())

    def _carry_out(self, effects: list[Effect], begins: bool) -> None:
        """Commands first: they are what the animal waits for."""
        if not effects:
            return
        decided = self._clock_now()
        for effect in effects:
            if isinstance(effect, Command) and self._connections:
                self._connections.send(effect, decided, arm=begins)
        for effect in effects:
            if isinstance(effect, Event):
                self._publications.event(effect)
        self._publish_regions([effect for effect in effects if isinstance(effect, RegionStates)])
        self._publish_status()
        engine = self._running_engine
        if not engine.running and self._action.active and not self._waiting:
            status = engine.status(decided)
            success = status.phase is Phase.FINISHED and not self._stopped
            self._action.finish(success, status.reason, status.elapsed, status.counts)

    def _publish_regions(self, states: list[RegionStates]) -> None:
        self._publications.regions(states, self._running_engine.experiment)

    def _publish_status(self) -> None:
        message = self._status_message()
        self._publications.status(message)
        self._action.feedback(message)

    def _status_message(self) -> ExperimentStatus:
        stamp = self._clock_now()
        message = status_to_message(self._running_engine.status(stamp), stamp)
        if self._waiting:
            message.status, message.reason = ExperimentStatus.WAITING, self._waiting.reason
        elif self._never_began:
            message.status, message.reason = ExperimentStatus.FAULT, self._never_began
        return message

    def _complain(self, output: str, reason: str) -> None:
        self._handle(Fault(self._clock_now(), output, reason))

    def _recovered(self, output: str, text: str, seconds: float) -> None:
        """At the time at which it was: what the output got since then is on, and no table may end it there."""
        stamp = self._clock_now() - nanoseconds(seconds)
        self._publications.event(Event(stamp, event_kinds.RECOVERED, output, {"text": text}))

    # Starting and stopping.

    def _use(self, experiment: Experiment) -> None:
        """Connects with what an experiment needs; no run is in progress.

        Raises:
            DlstreamError: it can't be used; what was used before remains.
        """
        engine, sources = Engine(experiment), sources_of(experiment)
        self._watched.use(experiment)
        if self._connections:
            self._connections.close()
        self._engine = engine
        listeners, silence = (self.settings.listeners, self.settings.output_timeout) if self.settings else (1, 1.0)
        self._connections = Connections(
            self,
            experiment,
            sources,
            self._clock_now,
            self._on_input,
            self._complain,
            self._recovered,
            listeners,
            silence,
        )
        if self.is_active:
            self._connections.activate()
            self._publish_regions(self._engine.regions())

    def _run(self) -> None:
        self._waiting, self._stopped, self._never_began = None, False, ""
        if self._connections:
            self._connections.begin()
        seed = self._running_engine.experiment.seed
        self._handle(Start(self._clock_now(), secrets.randbits(32) if seed is None else seed))
        for value in self._connections.values() if self._connections else []:
            self._on_input(value)

    def _stop_run(self, reason: str, fault: bool = False) -> bool:
        """Ends the run, or the waiting for it; whether there was a run."""
        if self._waiting:
            self._waiting = None
            self._action.finish(False, reason)
        if self._engine and self._engine.running:
            self._stopped = True
            self._handle(Stop(self._clock_now(), reason, fault))
            return True
        return False

    def _busy(self) -> str:
        """Why the node can't begin anything now; empty where it can."""
        if not self.is_active:
            return "the experiment node is not active"
        if self._running_engine.running:
            return f"experiment '{self._running_engine.experiment.experiment}' is running already; stop it first"
        return ""

    def _promised(self) -> str:
        """Why ~/start can't begin the next run, while none is on; empty where it can."""
        return "a goal of the action run waits for its start; cancel it first" if self._action.active else ""

    def _obstacle(self) -> str:
        """Why a run can't begin now; empty where it can."""
        outputs = self._connections.obstacles if self._connections else []
        return self._busy() or (outputs[0] if outputs else "")

    def _wrong_keypoints(self) -> str:
        """What the experiment needs and the poses that have come lack; empty where nothing is known to be wrong."""
        seen = self._connections.keypoints if self._connections else {}
        for camera, keypoints in seen.items():
            for keypoint, trigger in self._running_engine.experiment.missing_keypoints(camera, keypoints).items():
                hint = suggest(keypoint, keypoints)
                return f"trigger '{trigger}' needs keypoint '{keypoint}', which the poses do not have. {hint}".rstrip()
        return ""

    def _wait(self, settings: ExperimentSettings, for_poses: bool) -> None:
        self._waiting = Waiting(time.monotonic() + settings.start_timeout, for_poses)

    def _begin_if_possible(self, waiting: Waiting, connections: Connections) -> None:
        obstacle = self._obstacle()
        waiting.lacks_output = bool(obstacle)
        longest = max(_POSES_COME, self._running_engine.experiment.pose_timeout)  # cameras may be slow
        if not obstacle and waiting.for_poses and connections.since_last_pose >= longest:
            obstacle = f"poses of {connections.cameras}"
        if not obstacle:
            self._run()
            return
        steady, reason = time.monotonic(), f"waits for {obstacle}"
        if waiting.lacks_output and steady > waiting.deadline and not connections.undecided:
            self._give_up(obstacle, waiting.asked)
        elif waiting.is_new(reason, steady):
            self._publish_status()
        elif waiting.is_worth_a_line(steady):
            self.get_logger().info(reason)

    def _give_up(self, obstacle: str, asked: bool) -> None:
        """No run begins, as an output does not answer; where it was to begin by itself, the node has failed."""
        seconds = self.settings.start_timeout if self.settings else 0.0
        self._waiting, self._never_began = None, f"the run did not begin within {seconds:g} s: {obstacle}"
        self._publications.event(
            Event(self._clock_now(), event_kinds.FAULT, "experiment", {"reason": self._never_began})
        )
        self._publish_status()
        if self._action.active:
            self._action.finish(False, self._never_began)
        elif not asked:
            self.fail(DlstreamError(self._never_began))

    def _begin_goal(self, file: str) -> str:
        """Begins what an action goal asks for; returns why it can't."""
        if not self.is_active or self._running_engine.running or self.settings is None:
            return self._obstacle()
        problem = self._take_over(file) or self._wrong_keypoints()
        if not problem:
            self._wait(self.settings, for_poses=False)
        return problem

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        experiment = self._running_engine.experiment
        problem = self._busy() or self._promised() or self._take_over() or self._wrong_keypoints()
        newer = self._running_engine.experiment is not experiment
        problem = problem or ("" if newer else self._obstacle())
        response.success, response.message = not problem, problem or "started"
        if not problem and self.settings and newer:
            self._waiting = Waiting(time.monotonic() + self.settings.start_timeout, False, asked=True)
            response.message = "starts as soon as the outputs answer to the experiment file as it is now"
        elif not problem:
            self._run()
            status = self._running_engine.status(self._clock_now())
            if status.phase is Phase.FAULT:
                response.success, response.message = False, status.reason
        return response

    def _on_reload(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        busy = self._running_engine.running or self._waiting is not None
        problem = "a run is on, with the file as it was; the next one takes it over" if busy else self._take_over()
        response.success, response.message = not problem, problem or "the experiment file as it is now is in use"
        return response

    def _take_over(self, file: str = "") -> str:
        """Uses an experiment file as it is now, by default the configured one; returns why it can't.

        No run is in progress.
        """
        try:
            experiment = self._file.load(Path(file).expanduser()) if file else self._file.newest()
            if experiment is not self._running_engine.experiment:
                self._use(experiment)
        except DlstreamError as error:
            return str(error)
        return ""

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        busy = self._running_engine.running or self._waiting is not None
        response.success, response.message = busy, "stopped" if busy else "no experiment is running"
        self._stop_run("stopped by the operator")
        self._publish_status()  # at once: the launcher asks whether a run was called off
        return response

    def _on_get_status(
        self, request: GetExperimentStatus.Request, response: GetExperimentStatus.Response
    ) -> GetExperimentStatus.Response:
        response.status = self._status_message()
        return response


def main() -> None:
    """Entry point of `ros2 run dlstream_experiment experiment`."""
    sys.exit(run_node(ExperimentNode))


if __name__ == "__main__":
    main()
