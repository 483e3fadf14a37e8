"""What the page Wizard asks for: the answers so far, whole each time, so that the server keeps none of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dlstream_panel.request import Name, Request, Word
from dlstream_panel.shapes import AnyShape, Length

Short = Annotated[str, Field(max_length=200)]
_MOST_CAMERAS = 16
Long = Annotated[str, Field(max_length=2000)]


class CameraAnswer(Request):
    """Which camera: a video of the folder, a connected device, or the synthetic animal."""

    kind: Literal["video", "device", "synthetic"]
    name: Short
    video: Short = ""
    """A name of the list of videos."""
    source: Short = ""
    serial: Short = ""
    """Of a connected device, as the list of cameras has them."""


class OutputAnswer(Request):
    """What an output is."""

    type: Short
    keys: Annotated[dict[Word, Short], Field(max_length=32)] = {}
    """What its type needs to be told, as text."""


class Answers(Request):
    """All answers. What is empty is not answered yet."""

    cameras: Annotated[list[CameraAnswer], Field(min_length=1, max_length=_MOST_CAMERAS)]
    camera: Short = ""
    """The name of the one that the experiment watches; where there is none of that name, the first."""
    network: Short = ""
    """A name of the list of networks."""
    scale: Annotated[float, Field(gt=0, le=8)] | None = None
    template: Short = ""
    outputs: Annotated[dict[Word, OutputAnswer], Field(max_length=32)] = {}
    values: Annotated[dict[Word, Long], Field(max_length=300)] = {}
    """Values of the experiment by key, such as triggers.in_left.keypoints, as text."""
    regions: Annotated[dict[Name, AnyShape], Field(max_length=200)] | None = None
    """All of them; None: the template's."""
    scales: Annotated[dict[Name, Length], Field(max_length=32)] = {}
    """Pixels per centimetre by camera."""
    rig: Short
    title: Short
    rig_file: Short
    experiment_file: Short

    @property
    def watched(self) -> CameraAnswer:
        """The camera that the experiment watches where it says nothing else."""
        return next((camera for camera in self.cameras if camera.name == self.camera), self.cameras[0])

    def plain_regions(self) -> dict[str, Any] | None:
        """The regions as the file has them, with the keys that were given."""
        if self.regions is None:
            return None
        return {name: shape.model_dump(mode="json", exclude_unset=True) for name, shape in self.regions.items()}


class LookAtRig(Request):
    """What the answers come to: both files, the protocol in words and as a diagram, and what does not fit yet."""

    answers: Answers


class WriteRig(Request):
    """Writes both files, if everything fits and neither is there yet."""

    answers: Answers


class RunRig(Request):
    """Runs a rig file that this page has written."""

    rig_file: Short
    subject: Short = ""


class TryCamera(Request):
    """Takes a picture."""

    camera: CameraAnswer


WIZARD_REQUESTS: dict[str, type[Request]] = {
    "wizard-look": LookAtRig,
    "wizard-write": WriteRig,
    "wizard-run": RunRig,
    "wizard-picture": TryCamera,
}
"""By the last word of the path; a rig's own panel refuses them."""
