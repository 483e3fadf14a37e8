"""What tests share: a ROS domain of their own, nodes as real processes, and waiting for what they publish."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from fake_gv_camera import FakeCamera

ROOT = Path(__file__).parent
# The board and the camera that tests of several packages use.
sys.path[:0] = [str(ROOT / "firmware" / "simulator"), str(ROOT / "dlstream_camera" / "test")]
PATIENCE = 300.0
"""Seconds after which something that should happen has not happened. Tests wait for events, never for a time: so this
costs nothing where all is well, and is long enough for a machine that has much else to do."""

ASK_AGAIN = 20.0
"""Seconds without an answer after which a service is asked again."""

_CURRENT_TEST = "PYTEST_CURRENT_TEST"

# The same examples each time, however slow the machine; `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile(
    "dlstream",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("explore", hypothesis.settings.get_profile("dlstream"), derandomize=False)
hypothesis.settings.load_profile("dlstream")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test imports rclpy: this process and its nodes keep to themselves."""
    if _hands_tests_out(config):
        return
    from domain_coordinator import domain_id

    config._dlstream_domain = domain_id()  # type: ignore[attr-defined]
    os.environ["ROS_DOMAIN_ID"] = str(config._dlstream_domain.__enter__())  # type: ignore[attr-defined]
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(_patient_profile())
    os.environ["SDL_VIDEODRIVER"] = "dummy"


def _hands_tests_out(config: pytest.Config) -> bool:
    """Whether this process runs no test itself: with `-n 2` the two workers do, each in a domain of its own."""
    return not hasattr(config, "workerinput") and getattr(config.option, "dist", "no") != "no"


def _patient_profile() -> Path:
    """The nodes' own profile, but that a node which a busy machine keeps from announcing itself is not forgotten."""
    text = (ROOT / "config" / "fastdds.xml").read_text()
    patient, count = re.subn(r"(<leaseDuration>\s*<sec>)\d+", r"\g<1>120", text)
    assert count == 1
    path = Path(tempfile.mkdtemp(prefix="dlstream_test_")) / "fastdds.xml"
    path.write_text(patient)
    return path


def pytest_unconfigure(config: pytest.Config) -> None:
    """Gives back the domain and what killed nodes have left."""
    from dlstream.run.shared_memory import remove_abandoned

    remove_abandoned()
    if not _hands_tests_out(config):
        shutil.rmtree(Path(os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"]).parent)
        config._dlstream_domain.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real videos and networks; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DLSTREAM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; name its folder in DLSTREAM_TEST_DATA")
    return folder


class NodeUnderTest:
    """A node in a process of its own."""

    def __init__(self, module: str, name: str, namespace: str, parameters: Mapping[str, Any]) -> None:
        from dlstream.run.process import dying_with_parent

        words = [sys.executable, "-m", module, "--ros-args", "-r", f"__ns:={namespace or '/'}"]
        if name:
            words += ["-r", f"__node:={name}"]
        for key, value in parameters.items():
            words += ["-p", f"{key}:={_yaml(value)}"]
        self.process = subprocess.Popen(
            [*dying_with_parent(), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        """Everything that it printed so far."""
        return "\n".join(self.lines)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Waits for its end and the last of its output; the exit code. A node that hangs shows where."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler writes the stack of each thread
            self.process.wait()
            self._thread.join(timeout)
            pytest.fail(f"the node did not end within {timeout:.0f} s:\n{self.output}")
        self._thread.join(timeout)
        return code

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Sends a signal and waits for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()


def _yaml(value: Any) -> str:
    import json

    return str(value) if isinstance(value, Path) else json.dumps(value)


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """Commands that a test runs in this process set variables: the tests after it start nodes without them."""
    before = {name: value for name, value in os.environ.items() if name != _CURRENT_TEST}
    yield
    for name in os.environ.keys() - before.keys() - {_CURRENT_TEST}:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def start_node() -> Iterator[Callable[..., NodeUnderTest]]:
    """Starts nodes by module: `start_node("dlstream_camera.node", namespace="/top", fps=60.0)`."""
    nodes: list[NodeUnderTest] = []

    def start(module: str, name: str = "", namespace: str = "", **parameters: Any) -> NodeUnderTest:
        nodes.append(NodeUnderTest(module, name, namespace, parameters))
        return nodes[-1]

    yield start
    for node in nodes:  # a killed node leaves 64 MiB of shared memory behind, one that was told to end does not
        if node.process.poll() is None:
            node.process.send_signal(signal.SIGINT)
    hanging = []
    for node in nodes:
        try:
            node.wait()
        except pytest.fail.Exception as error:
            hanging.append(str(error))
        if node.process.stdout:
            node.process.stdout.close()
    assert not hanging, "\n".join(hanging)


class Observer:
    """A ROS node of the test's, with a thread that takes messages."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.task import Future

        self._rclpy = rclpy
        rclpy.init(args=[])
        self.node = rclpy.create_node("observer")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self._end = Future()
        self._thread = threading.Thread(target=self._executor.spin_until_future_complete, args=(self._end,))
        self._thread.start()

    def collect(self, kind: type, topic: str, qos: Any) -> list[Any]:
        """A list that grows by each message of the topic."""
        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def within(self, function: Callable[[], Any]) -> Any:
        """What a function gives, called by the thread that takes messages.

        rclpy's action client drops the answer to a goal that another thread has not entered yet.
        """
        task = self._executor.create_task(function)
        wait_for(task.done, f"{function} in the observer's thread")
        return task.result()

    def call(self, kind: type, service: str, request: Any) -> Any:
        """The answer of a service.

        Its client stays for the next call: what is asked by a new one is lost where the service has not found it yet.
        """
        client = self._clients.get(service) or self.node.create_client(kind, service)
        self._clients[service] = client
        assert client.wait_for_service(PATIENCE), f"no service {service}"
        futures = [client.call_async(request)]
        again = time.monotonic() + ASK_AGAIN

        def answered() -> bool:
            # A service that has just been found may not have found the client: what it gets then is lost.
            nonlocal again
            if time.monotonic() > again:
                futures.append(client.call_async(request))
                again = time.monotonic() + ASK_AGAIN
            return any(future.done() for future in futures)

        wait_for(answered, f"an answer of {service}")
        return next(future.result() for future in futures if future.done())

    def close(self) -> None:
        """Leaves the graph."""
        self._end.set_result(None)
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        self._rclpy.try_shutdown()


@pytest.fixture
def observer() -> Iterator[Observer]:
    """A ROS node of the test's own."""
    watching = Observer()
    yield watching
    watching.close()


def wait_for(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
    """Waits until the condition holds; a failure says what did not happen."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout:.0f} s for {what}")
        time.sleep(0.01)


@pytest.fixture
def fake() -> Iterator[FakeCamera]:
    """Aravis's GigE Vision camera, in a process of its own; the only one of this computer while a test has it."""
    from fake_gv_camera import FakeCamera, only_here

    with only_here():
        camera = FakeCamera("GV81")
        yield camera
        camera.kill()


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    """The function `wait_for(condition, what)`."""
    return wait_for
