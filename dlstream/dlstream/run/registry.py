"""Which rigs run on this machine: each leaves a file, locked for as long as it runs, with how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dlstream_common import DlstreamError, suggest

if TYPE_CHECKING:
    from dlstream.rig.file import Rig

_ENVIRONMENT = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_STATIC_PEERS", "RMW_IMPLEMENTATION")


class NoRigError(DlstreamError):
    """No rig runs, or several do and none was named."""


@dataclass(frozen=True)
class RunningRig:
    """A rig that runs on this machine.

    Attributes:
        file: the rig file.
        pid: of `dlstream run`, or of `ros2 launch`, which may run several rigs.
        since: when it was started, in nanoseconds since the epoch.
        nodes: full names of its nodes.
        environment: the ROS variables with which they were started.
        records: when its recorder records (rig, experiment or service); empty: it has none.
        subject: its animal, if it is known.
        namespace: of its nodes.
        simulated: whether its time is that of /clock.
        ending: whether its nodes are being ended, one after the other.
    """

    name: str
    file: str
    pid: int
    since: int
    nodes: tuple[str, ...]
    cameras: tuple[str, ...]
    outputs: tuple[str, ...]
    environment: dict[str, str]
    records: str = ""
    subject: str = ""
    namespace: str = ""
    simulated: bool = False
    ending: bool = False

    @classmethod
    def of(cls, rig: Rig, file: Path, since: int) -> RunningRig:
        """The rig that this process runs."""
        from dlstream.rig.nodes import rig_nodes  # here: who marks a moment in a rig that runs waits for no part of it

        return cls(
            name=rig.rig,
            file=str(file),
            pid=os.getpid(),
            since=since,
            nodes=tuple(node.full_name for spec in rig_nodes(rig, file) for node in spec.nodes),
            cameras=tuple(rig.cameras),
            outputs=tuple(rig.outputs),
            environment={key: os.environ[key] for key in _ENVIRONMENT if key in os.environ},
            records=rig.recorder.start if rig.recorder is not None else "",
            subject=rig.session.subject.subject_id or "",
            namespace=rig.namespace,
            simulated=rig.use_sim_time,
        )

    @property
    def has_experiment(self) -> bool:
        """Whether it decides anything."""
        return self.full_name("/experiment") in self.nodes

    def full_name(self, name: str) -> str:
        """A name of ROS within the rig's namespace."""
        return f"/{self.namespace}{name}" if self.namespace else name

    def own_name(self, full_name: str) -> str:
        """A full name of ROS without the rig's namespace."""
        return full_name.removeprefix(f"/{self.namespace}") if self.namespace else full_name

    @property
    def domain(self) -> str:
        """Its ROS domain."""
        return self.environment.get("ROS_DOMAIN_ID", "0")


def _folder() -> Path:
    """Where the files are: of this user and this machine, also where /tmp is shared by several."""
    return Path(tempfile.gettempdir()) / f"dlstream_rigs_{os.getuid()}_{socket.gethostname()}"


def _distrust(folder: Path) -> str:
    """Why nothing is taken from a folder: where everybody may write, somebody else may have made it. Empty: it is ours.

    Raises:
        OSError: it is not there, or can't be looked at.
    """
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode):
        found = "which is no folder"
    elif about.st_uid != os.getuid():
        found = f"a folder of user {about.st_uid}"
    elif about.st_mode & 0o077:
        found = f"a folder with mode {stat.S_IMODE(about.st_mode):o}, into which others may reach"
    else:
        return ""
    return f"found {folder}, {found}; expected one of your own with mode 700. Remove it, or set TMPDIR"


@contextmanager
def announced(
    rig: RunningRig, folder: Path | None = None, warn: Callable[[str], object] = lambda text: None
) -> Iterator[Callable[[], None]]:
    """Lets others find the rig for as long as it runs. A machine that can't write the file only has no remote.

    Gives what is to be called as soon as the rig ends, so that they don't take nodes that have ended for silent ones.

    Args:
        warn: is told why, where they won't find it.
    """
    folder = folder or _folder()
    file = None
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        reason = _distrust(folder)
        file = None if reason else _held(folder, rig)
    except OSError as error:
        reason = f"{error.filename or folder} can't be written: {error.strerror or error}"
    if file is None:
        warn(f"`dlstream status` and other commands won't find this rig: {reason}")
        yield lambda: None
        return
    with file:
        try:
            yield partial(_tell_that_it_ends, file, rig)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _held(folder: Path, rig: RunningRig) -> TextIO:
    """The file of a rig, written and locked.

    Raises:
        OSError: it can't be written; it is not left there.
    """
    path, file = _locked(folder, rig.pid)
    try:
        file.truncate(0)  # one of a process that was killed, and had the same number
        file.write(_in_json(rig))
        file.flush()
    except OSError as error:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be written is tried again
            file.close()
        raise OSError(error.errno, error.strerror, str(path)) from error
    return file


def _in_json(rig: RunningRig) -> str:
    text = json.dumps(asdict(rig))
    return text + " " if rig.ending else text  # of one length: "true" is shorter than "false"


def _tell_that_it_ends(file: TextIO, rig: RunningRig) -> None:
    """Changes only some letters of the file: whoever reads it at that moment still finds the rig."""
    with suppress(OSError):
        os.pwrite(file.fileno(), _in_json(replace(rig, ending=True)).encode(), 0)


def _untouched(path: str, flags: int) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # not cut: it may be another rig's


def _locked(folder: Path, pid: int) -> tuple[Path, TextIO]:
    """The first file of a process that no other rig of the same process holds: `ros2 launch` may run several.

    It never waits for a lock, as that of the same process would last for as long as it waits.
    """
    for number in count(1):
        path = folder / (f"{pid}.json" if number == 1 else f"{pid}-{number}.json")
        file = open(path, "w", encoding="utf-8", opener=_untouched)  # noqa: SIM115 (it stays open)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink:  # none: who looks for rigs has just taken it for one of a dead process
                return path, file
        except BlockingIOError:
            pass
        except OSError as error:
            file.close()
            path.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error
        file.close()
    raise AssertionError  # count has no end


def running_rigs(folder: Path | None = None) -> list[RunningRig]:
    """The rigs that run on this machine, by this user; files of rigs that were killed are removed."""
    folder = folder or _folder()
    found = []
    for path in _files(folder):
        with suppress(OSError), path.open(encoding="utf-8") as file:
            if _is_abandoned(file.fileno()):
                path.unlink()
                continue
            with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):  # it is being written
                found.append(_of(json.load(file)))
    return found


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [] if _distrust(folder) else sorted(folder.glob("*.json"))
    return []


def _is_abandoned(descriptor: int) -> bool:
    """Whether nobody holds the lock; a lock that is got here ends with the file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _of(about: dict[str, Any]) -> RunningRig:
    lists = {key: tuple(about[key]) for key in ("nodes", "cameras", "outputs")}
    environment = {key: str(value) for key, value in about["environment"].items() if key in _ENVIRONMENT}
    return RunningRig(**{**about, **lists, "environment": environment})


def find_rig(name: str = "", folder: Path | None = None) -> RunningRig:
    """The rig that runs, or the one of that name, namespace, file or process.

    Raises:
        NoRigError: none runs, several run and none was named, or none has that name.
    """
    rigs = running_rigs(folder)
    lines = [_line(rig) for rig in rigs]
    if not rigs:
        reason = ""
        with suppress(OSError):
            reason = _distrust(folder or _folder())
        raise NoRigError(
            "no rig is running on this machine; start one with `dlstream run RIG`. One of another user is reached "
            f"by ros2 (docs/how-to/ros2.md){f'. Rigs are looked for in no other place: {reason}' if reason else ''}"
        )
    wanted = [rig for rig in rigs if _is_meant(name, rig)]
    if not wanted:
        hint = suggest(name, [rig.name for rig in rigs] + [rig.namespace for rig in rigs if rig.namespace])
        raise NoRigError(f"--rig {name}: no such rig is running; running: {', '.join(lines)}. {hint}")
    if len(wanted) > 1:
        raise NoRigError(
            f"{len(wanted)} rigs are running; say which with --rig NAME, --rig NAMESPACE or --rig PROCESS: "
            f"{', '.join(map(_line, wanted))}"
        )
    return wanted[0]


def _line(rig: RunningRig) -> str:
    namespace = f"namespace {rig.namespace}, " if rig.namespace else ""
    return f"{rig.name} ({namespace}{rig.file}, process {rig.pid})"


def _is_meant(name: str, rig: RunningRig) -> bool:
    if name in ("", rig.name, str(rig.pid)) or (rig.namespace and name.strip("/") == rig.namespace):
        return True
    return Path(name).expanduser().resolve() == Path(rig.file).resolve()
