"""What every trigger is: settings that a file gives, and what they become."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dlstream_common import Settings
from dlstream_experiment.model.names import Label, Location, Name, Seconds
from dlstream_experiment.model.plane import CameraPlane, in_plane
from dlstream_experiment.model.regions import Region
from dlstream_experiment.model.pose_array import Scene
from dlstream_experiment.model.quantities import Condition

if TYPE_CHECKING:
    from dlstream_experiment.runtime.triggers.rules import Rule


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
        """Whether the condition holds; None where the scene does not tell."""

    @property
    def measured(self) -> float:
        """What it measured in the last scene, in the unit of its type; NaN where nothing."""
        return float("nan")


@dataclass(frozen=True)
class Context:
    """What a trigger may refer to.

    Attributes:
        camera: the experiment's.
        calibration: pixels per centimetre, or the plane that the camera looks at, by camera.
        seed: what all draws follow from.
    """

    camera: str
    regions: Mapping[str, Region]
    calibration: Mapping[str, float | CameraPlane] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Mistake:
    """Something wrong with a trigger that only its context shows; `place` is below the trigger."""

    place: Location
    found: str
    expected: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """A value from outside that triggers need: a field of a ROS topic's messages.

    Attributes:
        source: what `TriggerSet.take_value` calls it.
        message: the type, such as std_msgs/msg/Float64.
        field: the path to the value, such as data or pose.position.x or ranges[0].
    """

    source: str
    topic: str
    message: str
    field: str


class TriggerSettings(Settings):
    """One trigger of an experiment file; these keys are common to all types.

    The trigger becomes true when its condition has held for `dwell`, `refractory` has passed since it was last true,
    and the draw of `probability` succeeds; it becomes false as soon as the condition does not hold.
    """

    type: str
    dwell: Seconds = 0.0
    """Seconds that the condition must hold (>=) before the trigger is true."""
    refractory: Seconds = 0.0
    """Seconds (>=) that it stays false after it was true, whatever the condition."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How likely it becomes true: drawn once, from the experiment's seed, each time that it would; 1: always."""

    @abstractmethod
    def in_words(self) -> str:
        """The condition as one plain sentence, such as "the neck of any animal is inside 'left'"."""

    def called(self, name: str) -> None:
        """Takes up its name in the file, where that is to be told."""

    def camera_in(self, context: Context) -> str | None:
        """The camera whose frames it decides on; None: it does not look at poses itself."""
        return None

    def condition(self, context: Context) -> Condition | None:
        """What of it is computed together with all other triggers; None: nothing."""
        return None

    def create_alone(self, context: Context) -> Trigger | None:
        """The object that decides by itself, where there is no `condition`; None: there is no such one."""
        return None if type(self).create is TriggerSettings.create else self.create(context)

    def rule(self) -> Rule | None:
        """How it follows from other triggers; None: it doesn't."""
        return None

    def create(self, context: Context) -> Trigger:
        """This trigger by itself, in its initial state; its decision in the place of its condition's."""
        from dlstream_experiment.runtime.triggers.trigger_set import Single

        return Single(self, context)

    def keypoints_used(self) -> list[tuple[Location, str]]:
        """The keypoints it needs, each with its place below the trigger."""
        return []

    def regions_used(self) -> list[tuple[Location, str]]:
        """The regions it refers to, each with its place below the trigger."""
        return []

    def triggers_used(self) -> list[tuple[Location, str]]:
        """The triggers it is composed of, each with its place below the trigger."""
        return []

    def mistakes(self, context: Context) -> Iterator[Mistake]:
        """What is wrong with it in this context; regions that are not there are reported elsewhere."""
        yield from ()

    def shape_in_words(self) -> str:
        """What the common keys add to `in_words`: ", for at least 2 s"; empty where they add nothing."""
        words = [f"for at least {self.dwell:.9g} s"] if self.dwell else []
        words += [f"not within {self.refractory:.9g} s after it was last true"] if self.refractory else []
        words += [f"with a probability of {self.probability:.9g}"] if self.probability < 1 else []
        return "".join(f", {word}" for word in words)


def _word(value: Any) -> Any:
    return "false" if value is False else value  # as YAML reads a plain false


Missing = Annotated[Literal["hold", "false", "veto"], BeforeValidator(_word)]


class MeasuredSettings(TriggerSettings):
    """A trigger that measures something, and may find nothing to measure."""

    missing: Missing = "hold"
    """Where it can't be measured: hold keeps the last decision, false makes it false, veto makes false both it and
    every trigger that is composed of it, even by not."""

    def shape_in_words(self) -> str:
        otherwise = {"hold": "", "false": "false", "veto": "false, as all that is composed of it,"}[self.missing]
        return super().shape_in_words() + (f"; {otherwise} where it can't be measured" if otherwise else "")


class PoseSettings(MeasuredSettings):
    """A trigger on poses. A keypoint is seen where x and y are not NaN and confidence >= min_confidence."""

    individual: Label = "any"
    """The id of one individual, or any: one that fulfils it is enough."""
    camera: Name | None = None
    """The camera whose poses it looks at; left out: the experiment's, or its region's."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A keypoint with less counts as not seen."""

    def shape_in_words(self) -> str:
        words = super().shape_in_words()
        if self.camera is not None:
            words += f"; on camera '{self.camera}'"
        if self.min_confidence != PoseSettings.model_fields["min_confidence"].default:
            words += f"; a keypoint counts as seen from a confidence of {self.min_confidence:.9g} on"
        return words

    @property
    def only(self) -> str | None:
        """The id of the only individual that counts."""
        return None if self.individual == "any" else self.individual

    @property
    def whose(self) -> str:
        """The individual in words."""
        return "any animal" if self.only is None else f"'{self.only}'"

    def camera_in(self, context: Context) -> str:
        regions = [context.regions[name] for _, name in self.regions_used() if name in context.regions]
        return self.camera or (regions[0].camera if regions else None) or context.camera

    def mistakes(self, context: Context) -> Iterator[Mistake]:
        camera = self.camera_in(context)
        for place, name in self.regions_used():
            region = context.regions.get(name)
            if region is not None and (region.camera or context.camera) != camera:
                found = f"'{name}', which lies in the image of camera '{region.camera or context.camera}'"
                yield Mistake(place, found, f"a region of camera '{camera}', as the trigger's others")

    @property
    def metric(self) -> bool:
        """Whether it measures centimetres."""
        return str(getattr(self, "unit", "")).startswith("cm")

    def scale(self, context: Context) -> float:
        """What one of its unit of length is of what its keypoints' places are measured in (see `seen`)."""
        known = context.calibration[self.camera_in(context)] if self.metric else 1.0
        return 1.0 if isinstance(known, CameraPlane) else float(known)

    def seen(self, keypoint: str, context: Context) -> str:
        """What a keypoint is called in its scenes: places in the image, or in the plane where that is measured."""
        plane = self.metric and isinstance(context.calibration[self.camera_in(context)], CameraPlane)
        return in_plane(keypoint) if plane else keypoint

    def uncalibrated(self, context: Context) -> Iterator[Mistake]:
        """Centimetres of a camera that is not calibrated."""
        camera = self.camera_in(context)
        if self.metric and camera not in context.calibration:
            found = f"'{getattr(self, 'unit', '')}', without a calibration of camera '{camera}'"
            hint = f"For instance, at the top of the file: calibration: {{{camera}: 12.5}}"
            yield Mistake(("unit",), found, "pixels, or the camera's pixels per centimetre under calibration", hint)

    def parts(self, key: str) -> list[tuple[Location, str]]:
        """The keypoints of a key that is a list of them."""
        return [((key, index), name) for index, name in enumerate(getattr(self, key))]
