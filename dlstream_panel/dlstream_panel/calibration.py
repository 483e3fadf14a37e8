"""The calibration tables of the outputs, which a page shows and writes into the rig file; it knows no ROS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlstream_common.yaml.splice import REMOVED, spliced
from dlstream_panel.edited_file import EditedFile, EditError, changed_lines, content_of, mapping
from dlstream_panel.requests import SaveCalibration
from dlstream_panel.settings import PanelSettings

_NEEDS: Mapping[str, str] = {"power": "level", "volume": "width"}
"""What can be calibrated, and the value of an action at which it is measured."""
_LONGEST_CHECK = 120.0
_LINES = 20

Rows = dict[float, float]


class CalibrationFile:
    """The rig file, of which a page changes calibration tables, and nothing else."""

    def __init__(self, settings: PanelSettings) -> None:
        self._settings = settings
        self._file = EditedFile(Path(settings.rig_file))
        self._quantities = {
            name: quantities for name in settings.outputs if (quantities := _quantities(settings, name))
        }

    def view(self) -> dict[str, Any]:
        """The tables as the file has them now, and the hash under which they may be saved.

        Raises:
            EditError: the file can't be read, or has a table in another form.
            InputError: it is no YAML.
        """
        _, digest = self._file.read()
        outputs = mapping(content_of(self._file.path).get("outputs"))
        tables = {
            name: {quantity: sorted(_rows(outputs, name, quantity).items()) for quantity in quantities}
            for name, quantities in self._quantities.items()
        }
        return {"file": self._file.path.name, "hash": digest, "outputs": tables}

    def save(self, request: SaveCalibration, may_write: Callable[[], None] = lambda: None) -> str:
        """Writes one table, after the check of the whole rig; says what has changed.

        Args:
            may_write: raises where it must not be written any more; the check takes seconds.

        Raises:
            EditError, SpliceError: it was refused; the file is as it was.
            InputError: it is no YAML.
        """
        name, quantity = request.output, request.quantity
        if quantity not in self._quantities.get(name, ()):
            raise EditError(f"found {quantity} of '{name}'; expected an output of this rig that has a {quantity}")
        text = self._file.read_as(request.hash)
        known = _rows(mapping(content_of(self._file.path).get("outputs")), name, quantity)
        rows = dict(request.rows)
        if len(rows) < len(request.rows):
            raise EditError(f"found two rows with the same {_NEEDS[quantity]}; expected one for each")
        new = _with_rows(text, ("outputs", name, "calibration", quantity), known, rows)
        if new == text:
            return f"{self._file.path.name} says this already"
        self._check(new)
        self._file.write(new, request.hash, may_write)
        said = f"saved: {changed_lines(text, new)} of {self._file.path.name}; the rig uses it from its next start on"
        others = _other_hosts(content_of(self._file.path))
        return f"{said}. Copy it to {', '.join(others)} before: every host needs the same rig file" if others else said

    def _check(self, text: str) -> None:
        """What `dlstream check` says of the new text, beside the file, so that the files it names are found."""
        path = self._file.path
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        except OSError as error:
            raise EditError(f"{path}: could not be written ({error.strerror}); it is as it was") from error
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
            words = [sys.executable, "-m", "dlstream", "check", name]
            words += ["--allow-python"] if self._settings.allow_python else []
            environment = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1"}
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
                timeout=_LONGEST_CHECK,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EditError(f"the check of the new {path.name} did not end ({error}): nothing was written") from error
        finally:
            Path(name).unlink(missing_ok=True)
        if done.returncode != 0:
            said = "\n".join(done.stdout.replace(name, path.name).strip().splitlines()[-_LINES:])
            raise EditError(f"the rig would not be valid, so nothing was written:\n{said}")


def _other_hosts(content: Mapping[str, Any]) -> list[str]:
    """The hosts of a rig other than the panel's; none where it has one computer."""
    hosts = list(mapping(content.get("hosts")))
    panel = content.get("panel")
    own = panel.get("host") if isinstance(panel, Mapping) else None
    return [name for name in hosts if name != (own or hosts[0])]


def _quantities(settings: PanelSettings, output: str) -> list[str]:
    """What can be calibrated of an output: an action takes both the quantity and what stands for it."""
    texts = [text for name, text in (item.split("=", 1) for item in settings.actions) if name == output]
    actions = [{value["name"] for value in action["values"]} for text in texts for action in json.loads(text)]
    return [quantity for quantity, needed in _NEEDS.items() if any({quantity, needed} <= names for names in actions)]


def _rows(outputs: Mapping[str, Any], name: str, quantity: str) -> Rows:
    calibration = mapping(outputs.get(name)).get("calibration") or {}
    table = (calibration.get(quantity) or {}) if isinstance(calibration, Mapping) else calibration
    try:
        return {float(setting): float(measured) for setting, measured in table.items()}
    except (AttributeError, TypeError, ValueError) as error:
        found = f"outputs.{name}.calibration: found {table!r}"
        raise EditError(f"{found}; expected a mapping such as {{{quantity}: {{0.2: 1.5, 1: 9.7}}}}") from error


def _with_rows(text: str, place: tuple[str, ...], old: Rows, new: Rows) -> str:
    """The text with another table: rows that stay are not touched."""
    if not old:
        return spliced(text, place, dict(sorted(new.items()))) if new else text
    if not new:
        return spliced(text, place, REMOVED)
    for setting, measured in sorted(new.items()):
        if old.get(setting) != measured:
            text = spliced(text, (*place, setting), measured)
    for setting in old:
        if setting not in new:
            text = spliced(text, (*place, setting), REMOVED)
    return text
