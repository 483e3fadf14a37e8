"""`--local` and the demo are closed: what comes from another computer does not arrive.

A second network namespace is the other computer: it has an interface of its own, knows this address and speaks UDP
only. Where namespaces may not be made, the test is skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rig_tools import CONFIG, PATIENCE, RigUnderTest, wait_until

RIG = """\
rig: closed
pictures: false
cameras: {{top: {{source: synthetic, width: 320, height: 240, fps: 5, seed: 1}}}}
outputs:
  laser: {{type: log, file: {folder}/laser.txt, also_commanded_by: [anyone], max_command_age: 0, commander_timeout: 0}}
"""

OTHER = """\
import sys, time
import rclpy
from dlstream_common.ros import COMMAND
from dlstream_msgs.msg import Acknowledgement, Command

rclpy.init()
node = rclpy.create_node("stranger")
answers = set()
for output in sys.argv[2:]:
    topic = f"/outputs/{output}/acknowledgement"
    node.create_subscription(Acknowledgement, topic, lambda item: answers.add((item.output, item.id)), COMMAND)
commands = [node.create_publisher(Command, f"/outputs/{output}/command", COMMAND) for output in sys.argv[2:]]
count = 0
while sum(output == sys.argv[2] for output, _ in answers) < int(sys.argv[1]):
    count += 1
    for publisher in commands:
        publisher.publish(Command(source="stranger", id=count, action="on"))
    rclpy.spin_once(node, timeout_sec=0.1)
print(sorted({output for output, _ in answers}))
"""

ONLY_UDP = """\
<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"><profiles>
  <transport_descriptors><transport_descriptor><transport_id>udp</transport_id><type>UDPv4</type></transport_descriptor>
  </transport_descriptors>
  <participant profile_name="udp" is_default_profile="true"><rtps>
    <userTransports><transport_id>udp</transport_id></userTransports><useBuiltinTransports>false</useBuiltinTransports>
  </rtps></participant>
</profiles></dds>
"""


@pytest.fixture
def other_computer() -> Iterator[tuple[str, str]]:
    """The name of a second network namespace, and this one's address as seen from there."""
    name, number = f"dlstream{os.getpid()}", os.getpid() % 250
    here, there = f"10.213.{number}.1", f"10.213.{number}.2"
    if shutil.which("ip") is None:
        pytest.skip("no `ip` (iproute2): no second network namespace can be made")
    link = f"dls{os.getpid()}"
    steps = [
        f"ip netns add {name}",
        f"ip link add {link} type veth peer name {link}b netns {name}",
        f"ip addr add {here}/24 dev {link}",
        f"ip link set {link} up",
        f"ip -n {name} addr add {there}/24 dev {link}b",
        f"ip -n {name} link set {link}b up",
        f"ip -n {name} link set lo up",
    ]
    try:
        for step in steps:
            done = subprocess.run(step.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no second network namespace can be made here: {step}: {done.stderr.strip()}")
        yield name, here
    finally:
        subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def environment_of(pid: int) -> Mapping[str, str]:
    items = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(item.split("=", 1) for item in items if "=" in item)


def acted(file: Path) -> list[str]:
    return [line.partition("\t")[2] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_local_rig_takes_no_command_from_another_computer(start, start_node, other_computer, tmp_path, monkeypatch):
    namespace, here = other_computer
    (tmp_path / "rig.yaml").write_text(RIG.format(folder=tmp_path))
    (tmp_path / "other.py").write_text(OTHER)
    (tmp_path / "udp.xml").write_text(ONLY_UDP)
    rig: RigUnderTest = start("run", "--local", "--status", "1", str(tmp_path / "rig.yaml"))
    rig.saw("top/camera: ")
    closed = environment_of(rig.node("/outputs/laser"))
    # An output of the same domain that is not closed shows that the other computer reaches this one.
    domain = closed["ROS_DOMAIN_ID"]
    opened = {
        "ROS_DOMAIN_ID": domain,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(CONFIG / "fastdds.xml"),
    }
    for key, value in opened.items():
        monkeypatch.setenv(key, value)
    file = tmp_path / "open.txt"
    rules = {"also_commanded_by": ["anyone"], "max_command_age": 0.0, "commander_timeout": 0.0}
    start_node("dlstream_outputs.node", name="open", namespace="/outputs", type="log", file=str(file), **rules)
    stranger = {
        **os.environ,
        "ROS_STATIC_PEERS": here,
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(tmp_path / "udp.xml"),
    }
    words = [sys.executable, str(tmp_path / "other.py"), "20", "open", "laser"]
    there = subprocess.run(
        ["ip", "netns", "exec", namespace, *words],
        env=stranger,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert there.returncode == 0, there.stderr
    assert there.stdout.strip() == "['open']", "only the output that is not closed has answered"
    assert "on" in acted(file)
    assert "on" not in acted(tmp_path / "laser.txt")
    # Here, in the rig's own domain, the same command is carried out.
    words = [sys.executable, str(tmp_path / "other.py"), "1", "laser"]
    own = {**os.environ, **{key: closed[key] for key in (*opened, "ROS_STATIC_PEERS") if key in closed}}
    assert subprocess.run(words, env=own, check=False, timeout=PATIENCE).returncode == 0
    wait_until(lambda: "on" in acted(tmp_path / "laser.txt"), rig)
    assert rig.stop() == 0


def test_the_closed_profile_is_the_other_one_and_a_list_of_allowed_interfaces():
    def plain(name: str) -> str:
        return " ".join(re.sub(r"<!--.*?-->", "", (CONFIG / name).read_text(), flags=re.DOTALL).split())

    only_here = "<interfaceWhiteList> <address>127.0.0.1</address> </interfaceWhiteList> "
    assert plain("fastdds.local.xml").count(only_here) == 1
    assert plain("fastdds.local.xml").replace(only_here, "") == plain("fastdds.xml")
