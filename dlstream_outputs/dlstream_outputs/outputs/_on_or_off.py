"""What outputs have in common that know only on and off."""

from __future__ import annotations

from dlstream_common import Problem
from dlstream_outputs.actions import Action, Strength


def strength_problem(action: Action) -> Problem | None:
    """What is wrong with an action's strength: nothing but full strength is possible."""
    if not isinstance(action, Strength):
        return None
    if action.voltage is not None:
        return Problem(("values", "voltage"), f"{action.voltage:g} V", "no voltage: this output is on or off")
    if action.level is not None and action.level != 1:
        return Problem(("values", "level"), f"{action.level:g}", "1 or no level: this output is on or off")
    return None
