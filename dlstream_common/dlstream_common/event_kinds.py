"""The kinds of events, in one place: what is recorded in `events.csv`, and sent as `kind` of `dlstream_msgs/Event`.

A protocol of one's own may use other words. These are never changed: recordings have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXPERIMENT_STARTED: Final = "experiment_started"
EXPERIMENT_ENDED: Final = "experiment_ended"
TRIGGER_ROSE: Final = "trigger_rose"
TRIGGER_FELL: Final = "trigger_fell"
TRIAL_STARTED: Final = "trial_started"
TRIAL_ENDED: Final = "trial_ended"
STATE_ENTERED: Final = "state_entered"
SHAM_STARTED: Final = "sham_started"
SHAM_CHANGED: Final = "sham_changed"
SHAM_ENDED: Final = "sham_ended"
INPUT_ROSE: Final = "input_rose"
INPUT_FELL: Final = "input_fell"
LIMIT_REACHED: Final = "limit_reached"
NOTE: Final = "note"
MARK: Final = "mark"
FAULT: Final = "fault"
RECOVERED: Final = "recovered"
TOPIC_ENDED: Final = "topic_ended"
OUTPUT_REPORT: Final = "output_report"
CLOCK_OFFSET: Final = "clock_offset"
COMMAND: Final = "command"
ACKNOWLEDGEMENT: Final = "acknowledgement"

MEANINGS: Mapping[str, str] = {
    EXPERIMENT_STARTED: "a run started",
    EXPERIMENT_ENDED: "a run ended",
    TRIGGER_ROSE: "a trigger became true",
    TRIGGER_FELL: "a trigger became false",
    TRIAL_STARTED: "a trial started",
    TRIAL_ENDED: "a trial ended",
    STATE_ENTERED: "the protocol entered a state",
    SHAM_STARTED: "a stimulus that a sham run leaves out would have started",
    SHAM_CHANGED: "it would have become another one",
    SHAM_ENDED: "it would have ended",
    INPUT_ROSE: "an input went on, at the time that its board gives",
    INPUT_FELL: "an input went off, at the time that its board gives",
    LIMIT_REACHED: "an output reached a limit of the experiment and stays off",
    NOTE: "a `note` of the experiment file, or of `dlstream note`, whose name is `operator`",
    MARK: "somebody marked a moment with `dlstream mark`",
    FAULT: "something went wrong",
    RECOVERED: "what had gone wrong is over: poses, a camera or an output's node came back",
    TOPIC_ENDED: "nobody publishes a recorded topic any more",
    OUTPUT_REPORT: "what an output measured of something that it did, such as a screen's refreshes",
    CLOCK_OFFSET: "how the clock of another of the rig's hosts differs from the main host's",
    COMMAND: "a command was sent to an output; not an event of ROS, but a row of events.csv",
    ACKNOWLEDGEMENT: "an output answered a command; not an event of ROS, but a row of events.csv",
}
"""What each kind means."""
