"""Files with the parameters of a process, as ROS reads them, and the end of all that a killed launcher left."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from dlstream.rig.nodes import NodeSpec

_NAME = re.compile(r"dlstream_(\d+)_\w+\.(yaml|xml|json|new)")


def parameter_file(spec: NodeSpec) -> Path:
    """A temporary file with the parameters of a process; its name contains the ID of this process.

    Raises:
        OSError: it can't be written, as on a full disk; it is not left there.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Quoting
    number, name = tempfile.mkstemp(prefix=f"dlstream_{os.getpid()}_", suffix=".yaml", text=True)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            yaml.dump(spec.parameter_file, file)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, name) from error
    return Path(name)


class _Quoting(SafeRepresenter):
    """Puts every text into quotes: ROS reads YAML 1.1, in which a bare off, no or 1:30 is no text."""


def _quoted(representer: SafeRepresenter, text: str) -> ScalarNode:
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Quoting.add_representer(str, _quoted)


def remove_abandoned_files(folder: Path | None = None) -> int:
    """Removes files that killed processes left behind; returns how many there were."""
    count = 0
    for path in (folder or Path(tempfile.gettempdir())).glob("dlstream_*.*"):
        made_by = _NAME.fullmatch(path.name)
        if made_by and not _lives(int(made_by[1])):
            with suppress(OSError):  # another user's, or gone meanwhile
                path.unlink()
                count += 1
    return count


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True
