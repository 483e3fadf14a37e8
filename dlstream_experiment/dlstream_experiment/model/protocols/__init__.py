"""Protocols: the course of an experiment. A new one is a module here, or a class in a package of one's own."""

from typing import Annotated, cast

from dlstream_common.picking import a_class
from dlstream_common.plugins import Registry
from dlstream_common.tagged import Tagged, tagged
from dlstream_experiment.model.protocols._base import (
    End,
    Note,
    Off,
    On,
    Protocol,
    ProtocolSettings,
    Step,
    Stimulus,
    texts,
)
from dlstream_experiment.model.protocols._control import Limit, Planned, Sham, Yoked
from dlstream_experiment.model.protocols._diagram import Arrow, Box, Diagram
from dlstream_experiment.model.protocols._lengths import ends_by_itself
from dlstream_experiment.model.protocols._transitions import Action, State, StopCondition, Transition
from dlstream_experiment.model.protocols._trials import Condition, Trials

PROTOCOLS: Registry[type[ProtocolSettings]] = Registry(
    "protocol", __name__, __path__, a_class(ProtocolSettings, tag="type"), group="dlstream.protocols"
)


def protocol_settings(name: str) -> type[ProtocolSettings]:
    """The settings of the protocol of that name, with the key `type`.

    Raises:
        PartError: there is no such protocol, or it can't be used.
    """
    return cast(type[ProtocolSettings], tagged(PROTOCOLS.load(name), "type", name))


def _guarded(name: str, settings: ProtocolSettings) -> ProtocolSettings:
    """Protocols of others: whatever they do wrong is reported with its place in the file."""
    if PROTOCOLS.origin(name).is_ours:
        return settings
    from dlstream_experiment.model.protocols.python import InstalledProtocolSettings

    return InstalledProtocolSettings.of(name, settings)


AnyProtocol = Annotated[ProtocolSettings, Tagged("type", PROTOCOLS, protocol_settings, PROTOCOLS, _guarded)]

__all__ = [
    "PROTOCOLS",
    "Action",
    "AnyProtocol",
    "Arrow",
    "Box",
    "Condition",
    "Diagram",
    "End",
    "Limit",
    "Note",
    "Off",
    "On",
    "Planned",
    "Protocol",
    "ProtocolSettings",
    "Sham",
    "State",
    "Step",
    "Stimulus",
    "StopCondition",
    "Transition",
    "Trials",
    "Yoked",
    "ends_by_itself",
    "protocol_settings",
    "texts",
]
