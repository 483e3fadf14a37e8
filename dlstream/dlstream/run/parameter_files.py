"""Files with the parameters of a process, as ROS reads them."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from ruamel.yaml import YAML

from dlstream.rig.nodes import NodeSpec

_NAME = re.compile(r"dlstream_(\d+)_\w+\.yaml")


def parameter_file(spec: NodeSpec) -> Path:
    """A temporary file with the parameters of a process; its name contains the ID of this process."""
    with tempfile.NamedTemporaryFile("w", prefix=f"dlstream_{os.getpid()}_", suffix=".yaml", delete=False) as file:
        YAML().dump(spec.parameter_file, file)
    return Path(file.name)


def remove_abandoned_files(folder: Path | None = None) -> int:
    """Removes files that killed processes left behind; returns how many there were."""
    count = 0
    for path in (folder or Path(tempfile.gettempdir())).glob("dlstream_*.yaml"):
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
