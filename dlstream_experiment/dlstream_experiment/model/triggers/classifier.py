"""A behaviour that a trained classifier finds in a window of poses. Only ONNX: such a file can't run code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlstream_common import ExistingFile, NetworkError, Problem, misfit
from dlstream_experiment.model.classification import Classifier, PoseClassification
from dlstream_experiment.model.names import Label, Location, nanoseconds
from dlstream_experiment.model.triggers._base import Context, PoseSettings
from dlstream_experiment.model.triggers._bounded import Window
from dlstream_experiment.model.triggers._bounds import Threshold, bounds_in_words

Share = Annotated[float, Field(ge=0, le=1)]


class ClassifierSettings(PoseSettings):
    """A network's class, or the probability of a class, for the poses of the last `window` seconds.

    Features of an individual, as 32-bit floats: for each of `samples` times, from now - window to now at equal steps,
    for each of the keypoints in their order, x and y minus those of `reference` at the same time, in pixels (or
    centimetres with `unit: cm`). Between frames they are interpolated along straight lines. The network takes
    (N, samples * keypoints * 2) or (N, samples, keypoints * 2), and gives either probabilities (N, classes), or one
    class number each, (N) or (N, 1).

    True when the probability of `behaviour` is >= at_least; without at_least, when `behaviour` is the class that was
    given, or the most probable one. True when that is so for any individual. Not measurable where a keypoint was not
    seen in a frame of the window, or where there are not yet poses as old as the window. Networks are not computed
    alike to the last digit on all processors, so that a probability near at_least may be decided otherwise on another
    machine. DeepLabStream's SiMBA trigger is `at_least`; its B-SOiD trigger is a class without it; both with pickled
    models, which are not read here: export them to ONNX.
    """

    type: Literal["classifier"]
    network: ExistingFile
    """The ONNX file; a relative path is taken from the experiment file's folder."""
    keypoints: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100)]
    """The keypoints, in the order of the network's training."""
    reference: Label
    """The keypoint from which the others are measured."""
    window: Window
    """Seconds of poses that the network gets."""
    samples: Annotated[int, Field(ge=1, le=1000)]
    """How many poses of the window the network gets, at equal steps; 1: only the newest."""
    behaviour: Annotated[int, Field(ge=0, le=10_000)]
    """The number of the class that makes the trigger true, from 0."""
    at_least: Share | None = None
    """True at this probability and above (>=); if omitted: where this is the most probable class."""
    release: Share | None = None
    """Hysteresis: while the condition is true, this is used instead of at_least."""
    unit: Literal["px", "cm"] = "px"
    """The unit of the features; cm needs the camera's calibration."""

    @model_validator(mode="after")
    def _release_fits(self) -> ClassifierSettings:
        if self.release is not None and (self.at_least is None or self.release > self.at_least):
            raise misfit("release", "a release not larger than at_least")
        return self

    def load(self) -> Classifier:
        """The network, ready to be asked.

        Raises:
            NetworkError: it is none, or takes or gives something else.
        """
        return Classifier(self.network, self.samples, 2 * len(self.keypoints), self.at_least is not None)

    def build(self, context: Context) -> PoseClassification:
        return PoseClassification(
            self.load(),
            keypoints=tuple(self.seen(name, context) for name in self.keypoints),
            reference=self.seen(self.reference, context),
            window=nanoseconds(self.window),
            behaviour=self.behaviour,
            at_least=self.at_least,
            release=self.release,
            only=self.only,
            min_confidence=self.min_confidence,
            scale=self.scale(context),
        )

    def shown_bounds(self) -> Threshold | None:
        return None if self.at_least is None else Threshold(self.at_least, release=self.release)

    def problems(self, context: Context) -> Iterator[Problem]:
        yield from super().problems(context)
        yield from self.uncalibrated(context)
        try:
            network = self.load()
        except NetworkError as error:
            yield Problem(("network",), str(error), "an ONNX classifier of these features")
            return
        if network.classes is not None and self.behaviour >= network.classes:
            yield Problem(("behaviour",), str(self.behaviour), f"a class from 0 to {network.classes - 1}")

    def keypoints_used(self) -> list[tuple[Location, str]]:
        return [*self.places("keypoints"), (("reference",), self.reference)]

    def in_words(self) -> str:
        how = ""
        if self.at_least is not None:
            how = f" with a probability of {bounds_in_words(self.at_least, None, '', self.release)}"
        poses = "the newest pose" if self.samples == 1 else f"{self.samples} poses"
        what = f"{self.network.name} sees behaviour {self.behaviour} in {poses} of the last {self.window:.9g} s"
        parts = f" (from {', '.join(self.keypoints)}, relative to {self.reference}, in {self.unit})"
        return f"{what} of {self.individual_name}{how}{parts}{self.shape_in_words()}"
