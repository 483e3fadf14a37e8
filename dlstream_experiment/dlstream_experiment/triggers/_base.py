"""What every trigger is: settings that a file gives, and an object that decides on scenes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlstream_common import Settings
from dlstream_experiment.names import Location
from dlstream_experiment.regions import Region
from dlstream_experiment.scene import Scene


class Trigger(ABC):
    """A condition on the poses of one camera. It has its own memory and no clock: time is the scene's stamp."""

    @abstractmethod
    def bind(self, keypoints: Sequence[str]) -> None:
        """Takes up the names and the order of the keypoints; called before the first scene, and when they change.

        Raises:
            KeyError: a keypoint that the trigger needs is not among them.
        """

    @abstractmethod
    def decide(self, scene: Scene) -> bool | None:
        """Whether the condition holds; None where the scene does not tell, and the last decision stays."""


@dataclass(frozen=True)
class Context:
    """What a trigger may refer to.

    Attributes:
        camera: the experiment's.
        seed: what all draws follow from.
    """

    camera: str
    regions: Mapping[str, Region]
    seed: int = 0


class TriggerSettings(Settings):
    """One trigger of an experiment file."""

    type: str

    @abstractmethod
    def create(self, context: Context) -> Trigger:
        """A trigger in its initial state."""

    @abstractmethod
    def camera_in(self, context: Context) -> str:
        """The camera whose frames it decides on."""

    def keypoints_used(self) -> list[tuple[Location, str]]:
        """The keypoints it needs, each with its place below the trigger."""
        return []

    def regions_used(self) -> list[tuple[Location, str]]:
        """The regions it refers to, each with its place below the trigger."""
        return []
