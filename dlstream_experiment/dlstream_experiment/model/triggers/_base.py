"""What every trigger is: settings in a file, and what they are built into for a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dlstream_common import Problem, Settings
from dlstream_experiment.model.classification import PoseClassification
from dlstream_experiment.model.external import ExternalCondition
from dlstream_experiment.model.names import Label, Location, Name, Seconds
from dlstream_experiment.model.plane import CameraPlane, in_plane
from dlstream_experiment.model.pose_array import PoseArray
from dlstream_experiment.model.quantities import Condition
from dlstream_experiment.model.regions import Region
from dlstream_experiment.model.rules import Rule
from dlstream_experiment.model.triggers._bounds import Threshold


class Trigger(ABC):
    """An object that decides by itself on the poses of one camera.

    It may remember what it saw. It has no clock: the time is the `stamp` of the poses.
    """

    @abstractmethod
    def bind(self, keypoints: Sequence[str]) -> None:
        """Receives the names of the keypoints in their order: before the first frame, and when they change.

        Raises:
            KeyError: a keypoint that the trigger needs is missing.
        """

    @abstractmethod
    def decide(self, poses: PoseArray) -> bool | None:
        """Whether the condition is true on this frame; None: the frame does not show it."""

    @property
    def measured(self) -> float:
        """What it measured on the last frame, in the unit of its type; NaN: nothing."""
        return float("nan")


Built = Condition | Rule | ExternalCondition | PoseClassification | Trigger
"""What a trigger is built into: quantities and bounds, a rule over other triggers, a condition on a value from outside,
the class of a network, or an object that decides by itself."""


@dataclass(frozen=True)
class Context:
    """What a trigger may refer to.

    Attributes:
        camera: the experiment's camera.
        calibration: by camera, pixels per centimetre or the plane that the camera looks at.
        seed: of all random draws.
    """

    camera: str
    regions: Mapping[str, Region]
    calibration: Mapping[str, float | CameraPlane] = field(default_factory=dict)
    seed: int = 0


class TriggerSettings(Settings):
    """One trigger of an experiment file; these keys are common to all types.

    The trigger becomes true when its condition has been true for `dwell`, `refractory` has passed since it was last
    true, and the draw of `probability` succeeds. It becomes false as soon as its condition is false.
    """

    type: str
    dwell: Seconds = 0.0
    """Seconds that the condition must be true (>=) before the trigger becomes true."""
    refractory: Seconds = 0.0
    """Seconds (>=) that the trigger stays false after it was true, whatever its condition."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How likely the trigger becomes true, drawn once (from the seed) each time that it could; 1: always."""

    @abstractmethod
    def in_words(self) -> str:
        """The condition as one plain sentence, such as "the neck of any animal is inside 'left'"."""

    def set_name(self, name: str) -> None:
        """Receives its name in the file, for types that show it."""

    def camera_in(self, context: Context) -> str | None:
        """The camera whose frames it decides on; None: it does not look at poses itself."""
        return None

    def build(self, context: Context) -> Built:
        """What is computed for this trigger in a run, in its initial state."""
        raise NotImplementedError(f"{type(self).__name__} has no method build")

    def keypoints_used(self) -> list[tuple[Location, str]]:
        """The keypoints that it needs, each with its place below the trigger."""
        return []

    def regions_used(self) -> list[tuple[Location, str]]:
        """The regions that it refers to, each with its place below the trigger."""
        return []

    def triggers_used(self) -> list[tuple[Location, str]]:
        """The triggers that it is composed of, each with its place below the trigger."""
        return []

    def problems(self, context: Context) -> Iterator[Problem]:
        """What is wrong with it in this context, each with its place below the trigger; missing regions excepted."""
        yield from ()

    def shown_bounds(self) -> Threshold | None:
        """The bounds of what it measures, to be shown beside the measured value; None: it has none."""
        return None

    def shape_in_words(self) -> str:
        """What the common keys add to `in_words`, such as ", for at least 2 s"; empty where they add nothing."""
        words = [f"for at least {self.dwell:.9g} s"] if self.dwell else []
        words += [f"not within {self.refractory:.9g} s after it was last true"] if self.refractory else []
        words += [f"with a probability of {self.probability:.9g}"] if self.probability < 1 else []
        return "".join(f", {word}" for word in words)


def builder_of(kind: type[TriggerSettings]) -> str | None:
    """The method that makes the trigger; dlstream 0.1 called it create_alone, or create."""
    if kind.build is not TriggerSettings.build:
        return "build"
    return next((name for name in ("create_alone", "create") if hasattr(kind, name)), None)


def _word(value: Any) -> Any:
    return "false" if value is False else value  # as YAML reads a plain false


Missing = Annotated[Literal["hold", "false", "veto"], BeforeValidator(_word)]


class MeasuredSettings(TriggerSettings):
    """A trigger that measures something, and may find nothing to measure."""

    missing: Missing = "hold"
    """Where it can't be measured: hold keeps the last decision, false makes the trigger false, veto also makes false
    every trigger that is composed of it, even by not."""

    def shape_in_words(self) -> str:
        otherwise = {"hold": "", "false": "false", "veto": "false, as all that is composed of it,"}[self.missing]
        return super().shape_in_words() + (f"; {otherwise} where it can't be measured" if otherwise else "")


class PoseSettings(MeasuredSettings):
    """A trigger on poses. A keypoint is seen where x and y are not NaN and confidence >= min_confidence."""

    individual: Label = "any"
    """The id of one individual, or any: one individual that meets the condition is enough."""
    camera: Name | None = None
    """The camera whose poses it looks at; if omitted: its region's camera, or the experiment's."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A keypoint with less confidence is not seen."""

    def shape_in_words(self) -> str:
        words = super().shape_in_words()
        if self.camera is not None:
            words += f"; on camera '{self.camera}'"
        if self.min_confidence != PoseSettings.model_fields["min_confidence"].default:
            words += f"; a keypoint is seen from a confidence of {self.min_confidence:.9g}"
        return words

    @property
    def only(self) -> str | None:
        """The id of the only individual that counts; None: any."""
        return None if self.individual == "any" else self.individual

    @property
    def individual_name(self) -> str:
        """The individual in words."""
        return "any animal" if self.only is None else f"'{self.only}'"

    def camera_in(self, context: Context) -> str:
        regions = [context.regions[name] for _, name in self.regions_used() if name in context.regions]
        return self.camera or (regions[0].camera if regions else None) or context.camera

    def problems(self, context: Context) -> Iterator[Problem]:
        camera = self.camera_in(context)
        for place, name in self.regions_used():
            region = context.regions.get(name)
            if region is not None and (region.camera or context.camera) != camera:
                found = f"'{name}', which lies in the image of camera '{region.camera or context.camera}'"
                yield Problem(place, found, f"a region of camera '{camera}', like the trigger's other regions")

    @property
    def metric(self) -> bool:
        """Whether it measures centimetres."""
        return str(getattr(self, "unit", "")).startswith("cm")

    @property
    def needs_depth(self) -> bool:
        """Whether it measures the depth of its keypoints."""
        return False

    def scale(self, context: Context) -> float:
        """How many of the units in which its keypoints' places come (see `seen`) are one of its unit of length."""
        known = context.calibration[self.camera_in(context)] if self.metric else 1.0
        return 1.0 if isinstance(known, CameraPlane) else float(known)

    def seen(self, keypoint: str, context: Context) -> str:
        """The name of a keypoint's place: in the image, or in the plane where centimetres of a plane are measured."""
        plane = self.metric and isinstance(context.calibration[self.camera_in(context)], CameraPlane)
        return in_plane(keypoint) if plane else keypoint

    def uncalibrated(self, context: Context) -> Iterator[Problem]:
        """Centimetres of a camera that is not calibrated."""
        camera = self.camera_in(context)
        if self.metric and camera not in context.calibration:
            found = f"'{getattr(self, 'unit', '')}', without a calibration of camera '{camera}'"
            hint = f"For instance, at the top of the file: calibration: {{{camera}: 12.5}}"
            yield Problem(("unit",), found, "pixels, or the camera's pixels per centimetre under calibration", hint)

    def places(self, key: str) -> list[tuple[Location, str]]:
        """The keypoints of a key that is a list of them, each with its place."""
        return [((key, index), name) for index, name in enumerate(getattr(self, key))]
