"""Protocols: the course of an experiment. Each file of this folder is one type of protocol."""

from typing import TYPE_CHECKING

from dlstream_experiment.model._registry import any_of, find_types
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
from dlstream_experiment.model.protocols._diagram import Arrow, Box, Diagram

PROTOCOLS = find_types(__name__, __path__, ProtocolSettings)

if TYPE_CHECKING:
    AnyProtocol = ProtocolSettings
else:
    AnyProtocol = any_of(PROTOCOLS)

__all__ = [
    "PROTOCOLS",
    "AnyProtocol",
    "Arrow",
    "Box",
    "Diagram",
    "End",
    "Note",
    "Off",
    "On",
    "Protocol",
    "ProtocolSettings",
    "Step",
    "Stimulus",
    "texts",
]
