"""A ROS node in the place of an output: it carries out commands and acknowledges each.

python3 laser_node.py --ros-args -r __ns:=/outputs
"""

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile

from dlstream_msgs.msg import Acknowledgement, Command, ExperimentStatus

ACTIONS = ("on", "off")
SILENCE = 3.0  # seconds without a status of the experiment until the laser goes off


class Laser(Node):
    state = ""

    def __init__(self) -> None:
        super().__init__("laser")
        reliable = QoSProfile(depth=100)
        self.answers = self.create_publisher(Acknowledgement, f"/outputs/{self.get_name()}/acknowledgement", reliable)
        self.create_subscription(Command, f"/outputs/{self.get_name()}/command", self.on_command, reliable)
        self.create_subscription(ExperimentStatus, "/experiment/status", self.on_status, reliable)
        self.watchdog = self.create_timer(SILENCE, self.on_silence)
        self.switch("off")

    def on_command(self, command: Command) -> None:
        answer = Acknowledgement(source=command.source, id=command.id, output=self.get_name())
        answer.received = self.get_clock().now().to_msg()
        answer.success = command.action in ACTIONS
        if answer.success:
            self.switch(command.action)
        else:
            answer.message = f"found '{command.action}'; expected one of {', '.join(ACTIONS)}"
        answer.applied = self.get_clock().now().to_msg()
        self.answers.publish(answer)

    def on_status(self, status: ExperimentStatus) -> None:
        self.watchdog.reset()
        if status.status != ExperimentStatus.RUNNING:
            self.switch("off")

    def on_silence(self) -> None:
        self.switch("off")

    def switch(self, action: str) -> None:
        if action != self.state:
            print(f"laser {action}", flush=True)  # your device goes here
        self.state = action


if __name__ == "__main__":
    rclpy.init()
    try:
        rclpy.spin(Laser())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
