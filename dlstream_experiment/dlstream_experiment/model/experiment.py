"""The experiment file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from ruamel.yaml.comments import CommentedMap

from dlstream_common import Settings, UsedFile
from dlstream_experiment.model.names import Label, Name, Seconds, Title
from dlstream_experiment.model.plane import AnyCalibration
from dlstream_experiment.model.protocols import AnyProtocol, texts
from dlstream_experiment.model.regions import AnyRegion
from dlstream_experiment.model.triggers import AnyTrigger, Context
from dlstream_experiment.model.virtual import VirtualKeypoint, check_virtual

_Side = Annotated[int, Field(ge=16, le=20_000)]


class Experiment(Settings):
    """An experiment: regions and triggers on the poses of one or more cameras, and the protocol that they drive."""

    experiment: Title
    """Its name: letters, digits, spaces and _ - . ( ); a letter or digit first."""
    camera: Name
    """The camera whose poses it watches."""
    image_size: tuple[_Side, _Side] | None = None
    """Width and height, in pixels, of this camera's image for which it was drawn: another one is refused."""
    keypoints: Annotated[dict[Label, VirtualKeypoint], AfterValidator(check_virtual)] = Field(default_factory=dict)
    """Virtual keypoints: points between those of the network, by name, for every trigger."""
    regions: dict[Label, AnyRegion] = Field(default_factory=dict)
    """Regions of the image, by name."""
    triggers: Annotated[dict[Label, AnyTrigger], Field(min_length=1)]
    """Conditions on the poses, by name."""
    calibration: dict[Name, AnyCalibration] = Field(default_factory=dict)
    """By camera, pixels per centimetre, or a calibration file and a distance: for triggers with a unit in cm."""
    protocol: AnyProtocol
    """What happens, and when it ends."""
    max_age: Seconds = 0.5
    """Seconds after its frame in which a pose must come; an older one decides nothing and is a fault. 0: any age."""
    metadata: dict[Label, str | int | float | bool] = Field(default_factory=dict)
    """Anything about the session or the subject, such as animal: m12; recorded at the start of every run."""
    pose_timeout: Annotated[float, Field(ge=0.05, le=1e6)] = 1.0
    """Seconds without a pose after which the outputs are switched off; they come on again when poses come back."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Random seed; if omitted, a new one is drawn at every start and recorded."""

    _path: Path = PrivateAttr(default=Path("experiment"))
    _data: CommentedMap | None = PrivateAttr(default=None)
    _text: str = PrivateAttr(default="")
    _files: tuple[UsedFile, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _name_triggers(self) -> Experiment:
        for name, trigger in self.triggers.items():
            trigger.set_name(name)
        return self

    @property
    def path(self) -> Path:
        """The file from which it was read."""
        return self._path

    @property
    def data(self) -> CommentedMap | None:
        """The file's content with its line numbers; None for an experiment that was made in code."""
        return self._data

    @property
    def text(self) -> str:
        """The text of the file; for an experiment that was made in code, its JSON (which is YAML as well)."""
        return self._text or self.model_dump_json(exclude_unset=True)

    @property
    def files(self) -> tuple[UsedFile, ...]:
        """The files that it names, as they were when it was read; none for an experiment that was made in code."""
        return self._files

    @property
    def context(self) -> Context:
        """What its triggers may refer to."""
        return Context(self.camera, self.regions, self.calibration, self.seed or 0)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras whose poses it needs."""
        cameras = [trigger.camera_in(self.context) for trigger in self.triggers.values()]
        return tuple(dict.fromkeys(camera for camera in cameras if camera)) or (self.camera,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that it commands."""
        return tuple(dict.fromkeys(stimulus.output for _, stimulus in self.protocol.stimuli_used()))

    def metadata_texts(self) -> dict[str, str]:
        """The metadata as the event of a run's start carries it."""
        return {f"metadata.{name}": text for name, text in texts(self.metadata).items()}

    def missing_keypoints(self, camera: str, keypoints: Collection[str]) -> dict[str, str]:
        """The keypoints that a camera's poses lack, each with the trigger that needs it."""
        return {
            part: name
            for name, trigger in reversed(self.triggers.items())
            if trigger.camera_in(self.context) == camera
            for _, keypoint in trigger.keypoints_used()
            for part in self.parts_of(keypoint)
            if part not in keypoints
        }

    def parts_of(self, keypoint: str) -> list[str]:
        """The keypoints of the network that make a keypoint: those of a virtual one, or itself."""
        virtual = self.keypoints.get(keypoint)
        return [keypoint] if virtual is None else list(virtual.middle)
