"""What a page may ask for, each a validated body of a POST; anything else is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dlstream_panel.request import Line, Name, Request, Text, Word
from dlstream_panel.shapes import AnyShape, Length, Spot
from dlstream_panel.wizard_requests import WIZARD_REQUESTS


class SignIn(Request):
    """Exchanges a token for a cookie."""

    token: Annotated[str, Field(max_length=200)]


class ShowLinks(Request):
    """Asks for the links with which another device opens the page."""


class StopAll(Request):
    """Switches every output off, disarms it, and ends the run."""


class Acting(Request):
    """What may switch something on, so that a STOP goes before it."""

    stops: Annotated[int, Field(ge=0)] | None = None
    """How many STOPs the page knew of as this was pressed: one more makes it void. None: it can't tell."""

    @property
    def switches_on(self) -> bool:
        """Whether something could be on after it."""
        return True

    def is_before(self, stops: int) -> bool:
        """Whether it was pressed before the last of so many STOPs."""
        return self.stops is not None and self.stops < stops


class Arm(Acting):
    """Arms an output, or switches it off and disarms it."""

    output: Word
    armed: bool

    @property
    def switches_on(self) -> bool:
        """As Acting.switches_on."""
        return self.armed


class Test(Acting):
    """Switches an output on for some seconds, which the output itself measures."""

    __test__ = False  # pytest

    output: Word
    action: Word
    values: Annotated[dict[Word, Annotated[str, Field(max_length=200)]], Field(max_length=32)] = {}
    seconds: Annotated[float, Field(gt=0, le=3600)]


class Run(Acting):
    """Starts or stops one row of the page."""

    what: Literal["camera", "analysis", "experiment", "recording"]
    camera: Annotated[str, Field(max_length=200)] = ""
    on: bool
    name: Annotated[Line, Field(max_length=200)] = ""
    metadata: Annotated[dict[Annotated[Line, Field(min_length=1, max_length=200)], Line], Field(max_length=32)] = {}

    @property
    def switches_on(self) -> bool:
        """As Acting.switches_on: of the rows, only the experiment commands outputs."""
        return self.what == "experiment" and self.on


class Remark(Request):
    """A note or a mark, of the moment at which its key was pressed."""

    kind: Literal["note", "mark"]
    text: Text
    ago: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """Seconds from that moment until this was sent."""
    sent: Annotated[float, Field(ge=0, le=1e14)] = 0.0
    """When it was, in milliseconds since the epoch by the rig's clock, as the page knows it; 0: just now."""


class SaveRegions(Request):
    """Writes what was drawn into the experiment file, if that still has this hash."""

    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    regions: Annotated[dict[Name, AnyShape], Field(max_length=200)]
    """All of them, by name: one that lacks here is removed."""
    points: Annotated[dict[Name, Spot], Field(max_length=200)] = {}
    """Of triggers, by the trigger's name."""
    scales: Annotated[dict[Name, Length], Field(max_length=32)] | None = None
    """Pixels per centimetre by camera: a number that lacks here is removed. None: all stay as they are."""

    def plain_regions(self) -> dict[str, Any]:
        """The regions as the file has them, with the keys that were given."""
        return {name: shape.model_dump(mode="json", exclude_unset=True) for name, shape in self.regions.items()}


Measure = Annotated[float, Field(ge=0, le=1e9)]


class SaveCalibration(Request):
    """Writes an output's calibration table into the rig file, if that still has this hash."""

    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    output: Word
    quantity: Literal["power", "volume"]
    rows: Annotated[list[tuple[Measure, Measure]], Field(max_length=200)]
    """Settings (levels, or widths in ms), each with what was measured there (mW, ul); none: no table."""


class StartJob(Request):
    """Starts a check of the rig, or the report or the replay of a session, which is an id of the list of sessions.

    `parameter` and `value` ask what would have happened in the session with another value of its experiment.
    """

    what: Literal["check", "camera", "network", "recording", "bench", "report", "replay"]
    session: Annotated[str, Field(pattern="^([0-9a-f]{20})?$")] = ""
    parameter: Annotated[str, Field(max_length=200, pattern="^[^=]*$")] = ""
    value: Annotated[str, Field(max_length=200, pattern=r"^[^/\\]*$")] = ""
    """No path."""


class EndJob(Request):
    """Ends the check that runs."""


REQUESTS: dict[str, type[Request]] = {
    "stop": StopAll,
    "arm": Arm,
    "test": Test,
    "run": Run,
    "remark": Remark,
    "regions": SaveRegions,
    "calibration": SaveCalibration,
    "start-job": StartJob,
    "end-job": EndJob,
    **WIZARD_REQUESTS,
}
"""By the last word of the path; `sign-in` is separate, as it needs no cookie."""
