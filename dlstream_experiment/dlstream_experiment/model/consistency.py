"""Whether an experiment file is consistent: its names refer to something, and nothing contradicts the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dlstream_common import OFF, Problem, suggest
from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.extension_check import failing_protocol, failing_trigger
from dlstream_experiment.model.file_problems import FileProblems
from dlstream_experiment.model.order import cycles
from dlstream_experiment.model.parsed_sections import ParsedSections
from dlstream_experiment.model.protocols import ProtocolSettings
from dlstream_experiment.model.triggers import Context


def inconsistencies(sections: ParsedSections, problem: FileProblems) -> Iterator[Problem]:
    """Classes of the user's own that fail, names that refer to nothing, and contradictions."""
    context = Context(sections.camera, sections.regions, sections.calibration)
    for name, trigger in sections.triggers.items():
        if error := failing_trigger(trigger, context):
            sections = replace(sections, triggers={key: item for key, item in sections.triggers.items() if key != name})
            yield _failing(problem, error)
    if sections.protocol is not None and (error := failing_protocol(sections.protocol)):
        sections = replace(sections, protocol=None)
        yield _failing(problem, error)
    yield from _regions(sections, problem)
    yield from _triggers(sections, problem, context)
    yield from _cycles(sections, problem)
    if sections.protocol is not None:
        yield from _protocol(sections.protocol, sections, problem)


def _failing(problem: FileProblems, error: ExtensionError) -> Problem:
    expected = "a class whose methods do what they promise (docs/experiment-files.md)"
    return problem((*error.place, "class"), f"'{error.named}', whose {error.reason}", expected)


def _regions(sections: ParsedSections, problem: FileProblems) -> Iterator[Problem]:
    names = sections.region_names
    for name, trigger in sections.triggers.items():
        for place, region in trigger.regions_used():
            if region not in names:
                place = ("triggers", name, *place)
                yield problem(place, f"'{region}'", "a region of this file", suggest(region, names))


def _triggers(sections: ParsedSections, problem: FileProblems, context: Context) -> Iterator[Problem]:
    names = sections.trigger_names
    for name, trigger in sections.triggers.items():
        for place, used in trigger.triggers_used():
            if used not in names:
                place = ("triggers", name, *place)
                yield problem(place, f"'{used}'", "a trigger of this file", suggest(used, list(names)))
        if all(region in context.regions for _, region in trigger.regions_used()):
            for mistake in trigger.mistakes(context):
                yield problem(("triggers", name, *mistake.place), mistake.found, mistake.expected, mistake.hint)


def _cycles(sections: ParsedSections, problem: FileProblems) -> Iterator[Problem]:
    triggers = sections.triggers
    uses = {name: [used for _, used in trigger.triggers_used()] for name, trigger in triggers.items()}
    for cycle in cycles(uses):
        place = next(place for place, used in triggers[cycle[0]].triggers_used() if used == cycle[1])
        found = "itself" if len(cycle) == 2 else f"the circle {' -> '.join(cycle)}"
        yield problem(("triggers", cycle[0], *place), found, "triggers that are not composed of themselves")


def _protocol(protocol: ProtocolSettings, sections: ParsedSections, problem: FileProblems) -> Iterator[Problem]:
    for place, name in protocol.triggers_used():
        if name not in sections.trigger_names:
            hint = suggest(name, sections.trigger_names)
            yield problem(("protocol", *place), f"'{name}'", "a trigger of this file", hint)
    for place, stimulus in protocol.stimuli_used():
        if stimulus.action == OFF:
            expected = "what the output does while the stimulus is on; it goes off by itself afterwards"
            yield problem(("protocol", *place, "action"), "'off'", expected)
    for finding in protocol.findings():
        if finding.error:
            yield problem(("protocol", *finding.place), finding.found, finding.expected, finding.hint)
