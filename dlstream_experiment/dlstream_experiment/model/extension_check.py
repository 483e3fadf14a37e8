"""Classes of the user's that fail as soon as they are asked: found before anything runs."""

from __future__ import annotations

from dlstream_experiment.model.extension import ExtensionError
from dlstream_experiment.model.protocols import ProtocolSettings
from dlstream_experiment.model.protocols.python import PythonProtocolSettings
from dlstream_experiment.model.triggers import Context, TriggerSettings
from dlstream_experiment.model.triggers.python import PythonTriggerSettings


def failing_trigger(trigger: TriggerSettings, context: Context) -> ExtensionError | None:
    """What a trigger of the user's raises when it is asked what every check and every run asks; None: nothing."""
    if isinstance(trigger, PythonTriggerSettings):
        try:
            trigger.in_words()
            trigger.shown_bounds()
            trigger.camera_in(context)
            trigger.keypoints_used()
            if all(region in context.regions for _, region in trigger.regions_used()):
                trigger.build(context)
        except ExtensionError as error:
            return error
    return None


def failing_protocol(protocol: ProtocolSettings) -> ExtensionError | None:
    """What a protocol of the user's raises when it is asked what every check and every run asks; None: nothing."""
    if isinstance(protocol, PythonProtocolSettings):
        try:
            protocol.triggers_used()
            protocol.in_words()
            protocol.diagram()
            protocol.longest_run()
            protocol.problems()
            protocol.create().start(0)
        except ExtensionError as error:
            return error
    return None
