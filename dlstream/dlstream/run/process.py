"""One node as a child process: its output line by line, its exit, and no orphan."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dlstream.rig.ament import find_executable
from dlstream.rig.nodes import NodeSpec
from dlstream.run.parameter_files import parameter_file
from dlstream.secure import security_environment


class NodeProcess:
    """Starts a node and reports, from a thread of its own, each line it prints and its exit code.

    Raises:
        OSError: its parameters can't be written, or no process be made.
        DlstreamError: its package, or the package's executable, is not there.
    """

    def __init__(
        self,
        spec: NodeSpec,
        environment: Mapping[str, str],
        on_line: Callable[[NodeSpec, str], None],
        on_exit: Callable[[NodeProcess, int], None],
    ) -> None:
        self.spec = spec
        self.stopped_early = False
        self.signals: set[signal.Signals] = set()
        """Which it got."""
        self._on_line, self._on_exit = on_line, on_exit
        self.last_output = -math.inf
        """When it printed its last line, by the monotonic clock."""
        self._parameters = parameter_file(spec)
        try:
            self._process = subprocess.Popen(
                [*dying_with_parent(), *command(spec, self._parameters)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, **security_environment(spec)},
                start_new_session=True,  # a Ctrl-C in the terminal reaches only the runner, which ends nodes in order
            )
        except Exception:
            self._parameters.unlink(missing_ok=True)  # it may have the password of a camera
            raise
        self._thread = threading.Thread(target=self._follow, name=spec.full_name, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process is still there.

        `stopped_early` is then true if it had not printed anything yet: too early for a node to end cleanly.
        """
        if self.running:
            self.stopped_early = self.stopped_early or self.last_output == -math.inf
            self.signals.add(number)
            self._process.send_signal(number)

    def wait(self, timeout: float) -> bool:
        """Waits for the end, and for the last line of the output; False after `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._thread.join(timeout=5.0)  # not forever: a grandchild may hold the output open
        return True

    def _follow(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.last_output = time.monotonic()
                self._on_line(self.spec, line.decode(errors="replace").rstrip())
        code = self._process.wait()
        self._parameters.unlink(missing_ok=True)
        self._on_exit(self, code)


def command(spec: NodeSpec, parameters: Path) -> Sequence[str]:
    """The command line that `ros2 run` would use."""
    words = [str(find_executable(spec.package, spec.executable)), *spec.arguments, "--ros-args"]
    if not spec.members:
        words += ["-r", f"__node:={spec.name}", "-r", f"__ns:={spec.namespace}"]
    words += ["--params-file", str(parameters)]
    for old, new in spec.remappings:
        words += ["-r", f"{old}:={new}"]
    return words


def dying_with_parent() -> Sequence[str]:
    """A prefix that makes the kernel end a command if its parent is killed; empty if setpriv is not installed.

    By util-linux's setpriv, since Python code between fork and exec can deadlock where the parent has threads.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
