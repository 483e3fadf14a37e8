"""An input of the rig: a lever, a lick, a TTL line or a photodiode as a trigger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlstream_experiment.model.external import ExternalCondition, ExternalSource
from dlstream_experiment.model.names import Name, nanoseconds
from dlstream_experiment.model.triggers._base import Context, MeasuredSettings
from dlstream_experiment.model.triggers._bounds import Threshold


class InputSettings(MeasuredSettings):
    """True while an input of the rig file is on.

    Decided as the input's message arrives; the event of the input itself has the board's time of the change. Not
    measurable: no message yet, or none for longer than `timeout`. DeepLabStream has no such trigger.
    """

    type: Literal["input"]
    input: Name
    """Name of the input in the rig file's section `inputs`."""
    timeout: Annotated[float, Field(gt=0.5, le=1e6)] | None = 5.0
    """Seconds (>) without a sign of life of the input, which comes twice a second, after which it can't be measured."""

    def build(self, context: Context) -> ExternalCondition:
        topic = f"inputs/{self.input}/level"  # within the rig's namespace; a journal knows none
        source = ExternalSource(f"/{topic}:data", topic, "std_msgs/msg/Bool", "data", True, gives_signs_of_life=True)
        timeout = None if self.timeout is None else nanoseconds(self.timeout)
        return ExternalCondition(source, equals=True, timeout=timeout)

    def shown_bounds(self) -> Threshold:
        return Threshold(at_least=1)

    def in_words(self) -> str:
        age = "" if self.timeout is None else f", by a sign of life of the last {self.timeout:.9g} s"
        return f"the input '{self.input}' is on{age}{self.shape_in_words()}"
