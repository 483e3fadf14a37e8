"""The vocabulary of all outputs: their actions, with which values, and within which limits."""

from dlstream_outputs.actions.action import Action
from dlstream_outputs.actions.presentation import Play, Show
from dlstream_outputs.actions.reading import read_action
from dlstream_outputs.actions.vocabulary import VOCABULARY, Level, On, OtherAction, Pulse, Strength, Train

__all__ = [
    "VOCABULARY",
    "Action",
    "Level",
    "On",
    "OtherAction",
    "Play",
    "Pulse",
    "Show",
    "Strength",
    "Train",
    "read_action",
]
