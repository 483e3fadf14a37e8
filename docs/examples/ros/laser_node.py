"""A ROS node in the place of an output: it carries out commands and acknowledges each.

python3 laser_node.py --ros-args -r __ns:=/outputs
"""

from contextlib import suppress

import rclpy
from rclpy.clock import ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time

from dlstream_msgs.msg import Acknowledgement, Command, Heartbeat

ACTIONS = ("on", "off")
SILENCE = 0.25  # seconds without a heartbeat of the experiment until the laser goes off


class Laser(Node):
    """The output `laser`."""

    state = ""
    commanded = Time(clock_type=ClockType.ROS_TIME)  # when the newest command was sent

    def __init__(self) -> None:
        super().__init__("laser")
        reliable = QoSProfile(depth=100)
        self.answers = self.create_publisher(Acknowledgement, "~/acknowledgement", reliable)
        self.create_subscription(Command, "~/command", self.on_command, reliable)
        self.create_subscription(Heartbeat, "/experiment/heartbeat", self.on_heartbeat, 1)
        self.watchdog = self.create_timer(SILENCE, self.on_silence)
        self.switch("off")

    def on_command(self, command: Command) -> None:
        answer = Acknowledgement(source=command.source, id=command.id, output=self.get_name())
        answer.received = self.get_clock().now().to_msg()
        answer.success = command.action in ACTIONS
        if answer.success:
            self.commanded = Time.from_msg(command.sent)
            self.switch(command.action)
        else:
            answer.message = f"found '{command.action}'; expected one of {', '.join(ACTIONS)}"
        answer.applied = self.get_clock().now().to_msg()
        self.answers.publish(answer)

    def on_heartbeat(self, heartbeat: Heartbeat) -> None:
        self.watchdog.reset()
        if not heartbeat.running and Time.from_msg(heartbeat.stamp) > self.commanded:  # not one from before the run
            self.switch("off")

    def on_silence(self) -> None:
        self.switch("off")

    def switch(self, action: str) -> None:
        if action != self.state:
            print(f"laser {action}", flush=True)  # your device goes here
        self.state = action


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Laser())
