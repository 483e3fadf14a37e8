"""Calibration tables: what was measured at which setting, so that an experiment can name the power or the volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from dlstream_common import Problem
from dlstream_outputs.actions.action import Action
from dlstream_outputs.actions.vocabulary import Pulse, Strength

_KINDS = {"power": ("mW", "level", "a level from 0 to 1"), "volume": ("ul", "width", "a width in ms")}
"""By quantity: its unit, the value of an action that it stands for, and that in words."""


@dataclass(frozen=True)
class Table:
    """What was measured at each setting; between two rows, it is interpolated on a straight line.

    Attributes:
        settings: rising: levels from 0 to 1, or widths in ms.
        measured: rising, in the quantity's unit.
    """

    quantity: str
    settings: tuple[float, ...]
    measured: tuple[float, ...]

    def setting(self, value: float) -> float:
        """The setting that gives a measured value, which must lie within the table."""
        return float(np.interp(value, self.measured, self.settings))

    def value(self, setting: float) -> float:
        """What a setting gives; beyond the table, what its nearest row gives."""
        return float(np.interp(setting, self.settings, self.measured))

    @property
    def within(self) -> str:
        """The range of the table: `0 to 9.7 mW`."""
        return f"{self.measured[0]:g} to {self.measured[-1]:g} {_KINDS[self.quantity][0]}"


def tables(rows: Sequence[str]) -> dict[str, Table]:
    """The tables, by quantity, from texts such as `power=0:0 0.5:4.1 1:9.7`.

    Raises:
        ValueError: a table can't be used; completes "expected ...".
    """
    found: dict[str, Table] = {}
    for row in rows:
        quantity, _, text = row.partition("=")
        if quantity not in _KINDS:
            raise ValueError(f"tables of {' or '.join(_KINDS)}, but one is of '{quantity}'")
        unit, _, setting = _KINDS[quantity]
        example = f"{setting} with the {unit} measured there, such as {{0.2: 1.5, 1: 9.7}}"
        try:
            pairs = [tuple(float(number) for number in pair.split(":")) for pair in text.split()]
        except ValueError:
            raise ValueError(f"for {quantity}, {example}") from None
        if len(pairs) < 2 or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"for {quantity} two rows or more, each {example}")
        settings, measured = (tuple(column) for column in zip(*sorted(pairs), strict=True))
        if not np.isfinite([*settings, *measured]).all() or min(*settings, *measured) < 0:
            raise ValueError(f"for {quantity}, numbers from 0 on")
        if quantity == "power" and max(settings) > 1:
            raise ValueError(f"for {quantity}, levels from 0 to 1, but one is {max(settings):g}")
        if any(np.diff(settings) <= 0) or any(np.diff(measured) <= 0):
            raise ValueError(f"for {quantity}, more {unit} at each higher setting: no two alike, and none falling")
        found[quantity] = Table(quantity, settings, measured)
    return found


def calibrated(action: Action, known: Mapping[str, Table]) -> Action | Problem:
    """The action with a level for its power, and a width for its volume; or what is wrong."""
    for quantity, (unit, name, _) in _KINDS.items():
        wanted = getattr(action, quantity, None) if isinstance(action, (Strength, Pulse)) else None
        if wanted is None or (quantity == "volume" and not isinstance(action, Pulse)):
            continue
        place = ("values", quantity)
        table = known.get(quantity)
        if table is None:
            hint = (
                f"Measure it, and write it into the rig file: calibration: {{{quantity}: {{SETTING: MEASURED, ...}}}}."
            )
            return Problem(place, f"{wanted:g} {unit}", f"an output with a calibration of {quantity}", hint)
        if not table.measured[0] <= wanted <= table.measured[-1]:
            return Problem(place, f"{wanted:g} {unit}", f"{table.within}, as far as the output is calibrated")
        values = {key: getattr(action, key) for key in action.model_fields_set if key != quantity}
        action = type(action).model_validate({**values, name: table.setting(wanted)})
    return action


def as_asked(problem: Problem, asked: Action) -> Problem:
    """A problem with a level or width that came from a power or volume, at that power or volume."""
    for quantity, (unit, name, _) in _KINDS.items():
        wanted = getattr(asked, quantity, None) if isinstance(asked, (Strength, Pulse)) else None
        if wanted is not None and problem.place == ("values", name):
            found = f"{wanted:g} {unit}, by calibration a {name} of {problem.found}"
            return replace(problem, place=("values", quantity), found=found)
    return problem


def _as_rows(value: Any) -> Any:
    """Turns a rig file's mapping of mappings into texts, which a ROS parameter can hold."""
    if not isinstance(value, Mapping):
        return value
    rows = []
    for quantity, table in value.items():
        if not isinstance(table, Mapping):
            raise ValueError(f"for {quantity} a mapping, such as {{0.2: 1.5, 1: 9.7}}")
        rows.append(f"{quantity}={' '.join(f'{setting}:{measured}' for setting, measured in table.items())}")
    return rows


def _checked(rows: list[str]) -> list[str]:
    tables(rows)
    return rows


Rows = Annotated[
    list[str],
    BeforeValidator(_as_rows, json_schema_input_type=dict[str, dict[str, float]] | list[str]),
    AfterValidator(_checked),
]
"""Calibration tables as a setting."""
