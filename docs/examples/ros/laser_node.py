"""A ROS node in the place of an output: `outputs: {laser: {type: topic}}` in the rig file; python3 laser_node.py."""

import sys

from dlstream_common import now
from dlstream_outputs import Action, On, Output, OutputSettings
from dlstream_outputs.own_node import run_output


class LaserSettings(OutputSettings):
    """Parameters of the node: those of every output, and the laser's own."""

    label: str = "laser"
    """Word at the beginning of each line."""

    actions = (On,)


class Laser(Output[LaserSettings]):
    """See LaserSettings."""

    def open(self) -> None:
        self._set("off")

    def apply(self, action: Action) -> int:
        return self._set("on")

    def off(self) -> int:
        return self._set("off")

    def close(self) -> None:
        self._set("off")

    def _set(self, state: str) -> int:
        print(self.settings.label, state, flush=True)  # your device goes here
        return now()  # when it took effect


if __name__ == "__main__":
    sys.exit(run_output(Laser))
