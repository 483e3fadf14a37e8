"""The built-in protocols in a run."""

from __future__ import annotations

from dlstream_experiment.model.protocols import Protocol, ProtocolSettings
from dlstream_experiment.model.protocols.region_trials import RegionTrialsSettings
from dlstream_experiment.model.protocols.states import StatesSettings
from dlstream_experiment.runtime.protocols.region_trials import region_trials
from dlstream_experiment.runtime.protocols.states import StateMachine


def create_protocol(settings: ProtocolSettings, seed: int = 0) -> Protocol:
    """The protocol of a run, in its initial state; all its random draws follow from the seed."""
    if isinstance(settings, StatesSettings):
        return StateMachine(settings, seed)
    if isinstance(settings, RegionTrialsSettings):
        return region_trials(settings, seed)
    return settings.create(seed)
