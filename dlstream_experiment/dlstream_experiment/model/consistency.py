"""Whether an experiment file is consistent: its names refer to something, and nothing contradicts the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dlstream_common import OFF, Problem, suggest
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.extension_check import failing_protocol, failing_trigger
from dlstream_experiment.model.order import cycles
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.protocols import ProtocolSettings
from dlstream_experiment.model.triggers import Context


def without_failing(sections: ParsedSections) -> tuple[ParsedSections, list[Problem]]:
    """The sections without classes of the user's own that fail, which no check may call; and these failures."""
    problems = []
    for name, trigger in sections.triggers.items():
        if error := failing_trigger(trigger, sections.context):
            sections = replace(sections, triggers={key: item for key, item in sections.triggers.items() if key != name})
            problems.append(_failing(error))
    if sections.protocol is not None and (error := failing_protocol(sections.protocol)):
        sections = replace(sections, protocol=None)
        problems.append(_failing(error))
    return sections, problems


def inconsistencies(sections: ParsedSections) -> Iterator[Problem]:
    """Names that refer to nothing, and contradictions."""
    yield from _regions(sections)
    yield from _triggers(sections, sections.context)
    yield from _cycles(sections)
    if sections.protocol is not None:
        yield from _protocol(sections.protocol, sections)


def _failing(error: ExtensionError) -> Problem:
    expected = "a class whose methods do what they promise (docs/how-to/experiment-files.md)"
    return Problem(error.place, f"'{error.named}', whose {error.reason}", expected)


def _regions(sections: ParsedSections) -> Iterator[Problem]:
    names = sections.region_names
    for place, region in sections.names_used(lambda trigger: trigger.regions_used()):
        if region not in names:
            yield Problem(place, f"'{region}'", "a region of this file", suggest(region, names))


def _triggers(sections: ParsedSections, context: Context) -> Iterator[Problem]:
    names = sections.trigger_names
    for place, used in sections.names_used(lambda trigger: trigger.triggers_used()):
        if used not in names:
            yield Problem(place, f"'{used}'", "a trigger of this file", suggest(used, list(names)))
    for name, trigger in sections.triggers.items():
        if all(region in context.regions for _, region in trigger.regions_used()):
            for item in trigger.problems(context):
                yield item.below("triggers", name)


def _cycles(sections: ParsedSections) -> Iterator[Problem]:
    triggers = sections.triggers
    uses = {name: [used for _, used in trigger.triggers_used()] for name, trigger in triggers.items()}
    for cycle in cycles(uses):
        place = next(place for place, used in triggers[cycle[0]].triggers_used() if used == cycle[1])
        found = "itself" if len(cycle) == 2 else f"the circle {' -> '.join(cycle)}"
        yield Problem(("triggers", cycle[0], *place), found, "triggers that are not composed of themselves")


def _protocol(protocol: ProtocolSettings, sections: ParsedSections) -> Iterator[Problem]:
    for place, name in protocol.triggers_used():
        if name not in sections.trigger_names:
            hint = suggest(name, sections.trigger_names)
            yield Problem(("protocol", *place), f"'{name}'", "a trigger of this file", hint)
    for place, stimulus in protocol.stimuli_used():
        if stimulus.action == OFF:
            expected = "what the output does while the stimulus is on; it goes off by itself afterwards"
            yield Problem(("protocol", *place, "action"), "'off'", expected)
    for item in protocol.problems() if sections.protocol_is_whole else ():
        if not item.is_warning:
            yield item.below("protocol")
