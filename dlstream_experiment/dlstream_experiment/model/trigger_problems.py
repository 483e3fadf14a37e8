"""What is wrong with the triggers of an experiment file beyond each one's own keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlstream_common import suggest
from dlstream_experiment.model.names import Location
from dlstream_experiment.model.triggers import Context, TriggerSettings, cycles

Found = tuple[Location, str, str, str]
"""Place, what was found, what was expected, a hint."""


def trigger_problems(
    triggers: Mapping[str, TriggerSettings], names: Sequence[str], context: Context
) -> Iterator[Found]:
    """Triggers that are not there, circles of them, and what does not fit the context.

    Args:
        triggers: those that could be understood.
        names: those that the file has.
    """
    for name, trigger in triggers.items():
        for place, used in trigger.triggers_used():
            if used not in names:
                yield ("triggers", name, *place), f"'{used}'", "a trigger of this file", suggest(used, list(names))
        if all(region in context.regions for _, region in trigger.regions_used()):
            for mistake in trigger.mistakes(context):
                yield ("triggers", name, *mistake.place), mistake.found, mistake.expected, mistake.hint
    uses = {name: [used for _, used in trigger.triggers_used()] for name, trigger in triggers.items()}
    for circle in cycles(uses):
        place = next(place for place, used in triggers[circle[0]].triggers_used() if used == circle[1])
        found = "itself" if len(circle) == 2 else f"the circle {' -> '.join(circle)}"
        yield ("triggers", circle[0], *place), found, "triggers that are not composed of themselves", ""
