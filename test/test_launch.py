"""The rig by ROS 2's own `ros2 launch`: the same start, reactions, end and exit code as by `dlstream run`.

`launch`, `launch_ros` and `ros2cli` are not on PyPI: without an installed ROS 2 these tests are skipped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rig_tools import CONFIG, EXPERIMENT, RIG, RigUnderTest, command, is_gone, recorded, told, wait_until

pytest.importorskip("ros2launch", reason="ROS 2's own launch, launch_ros and ros2cli are not installed")

LAUNCH = [sys.executable, "-c", "import sys; from ros2cli.cli import main; sys.exit(main())", "launch"]
NODES = ["/outputs/screen", "/recorder", "/pose", "/experiment", "/top/camera"]
INCLUDING = """\
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import PushRosNamespace
from launch_ros.substitutions import FindPackageShare

def rig(namespace, file):
    ours = PathJoinSubstitution([FindPackageShare("dlstream"), "launch", "rig.launch.py"])
    rig = IncludeLaunchDescription(PythonLaunchDescriptionSource(ours), launch_arguments={"rig": file}.items())
    return GroupAction([PushRosNamespace(namespace), rig])

def generate_launch_description():
    return LaunchDescription([rig(namespace, file) for namespace, file in RIGS.items()])
"""


@pytest.fixture
def launch(tmp_path):
    """Starts `ros2 launch` with these words."""
    begun: list[RigUnderTest] = []

    def launch(*words: str) -> RigUnderTest:
        begun.append(RigUnderTest([*LAUNCH, *words], tmp_path))
        return begun[-1]

    yield launch
    for rig in begun:
        rig.clear()


def ended(rig: RigUnderTest) -> list[str]:
    """The nodes in the order in which they ended."""
    words = [line.split("[")[2].split("]")[0] for line in rig.lines if "process has finished cleanly" in line]
    return [f"/{word.rpartition('-')[0].replace('.', '/')}" for word in words]


def starts(rig: RigUnderTest, node: str) -> int:
    """How often launch has started a node."""
    return sum(f"[{node}-" in line and "process started" in line for line in rig.lines)


def said(*words: str) -> str:
    """What the command line says, in one line."""
    return " ".join(subprocess.run(command(*words), capture_output=True, text=True, check=False).stdout.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_gets_the_nodes_end_in_order_a_whole_session_and_its_figures(launch, write_rig, number):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}", "status:=1")
    recorded(rig, 30)
    told(rig, "acknowledgement", "show")
    rig.saw("experiment: running")
    rig.process.send_signal(number)
    assert rig.wait() == 0, rig.output
    others = [node for node in NODES[::-1] if node != "/experiment"]  # which is told at the same time as the camera
    assert [node for node in ended(rig) if node != "/experiment"] == others
    assert rig.about()["complete"]
    assert rig.about()["summary"]["frames_dropped"] == 0
    assert f"Session   {rig.session}" in rig.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_somebody_ends_it_the_experiment_waits_for_no_camera(launch, write_rig, number):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}")
    recorded(rig, 10)
    rig.saw("experiment: running")
    pids = [rig.node(name) for name in NODES]
    camera, experiment = rig.node("/top/camera"), rig.node("/experiment")
    os.kill(camera, signal.SIGSTOP)  # it does not close
    rig.process.send_signal(number)
    wait_until(lambda: is_gone(experiment), rig)
    assert not is_gone(camera)
    os.kill(camera, signal.SIGCONT)
    assert rig.wait() == 0, rig.output
    wait_until(lambda: all(map(is_gone, pids)), rig)
    assert rig.about()["complete"]


@pytest.mark.parametrize("node", NODES)
def test_a_death_ends_all_with_exit_code_1_and_outputs_first(launch, write_rig, node):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}")
    recorded(rig, 10)
    told(rig, "acknowledgement", "show")
    pids = [rig.node(name) for name in NODES]
    os.kill(rig.node(node), signal.SIGKILL)
    assert rig.wait() == 1
    assert f"stopping: {node} was killed by SIGKILL" in rig.output
    wait_until(lambda: all(map(is_gone, pids)), rig)
    if node != "/outputs/screen":
        assert f"off and disarmed by rig: {node} was killed by SIGKILL" in rig.output
    if node == "/recorder":
        assert "'dlstream recover" in rig.output
    else:
        assert rig.about()["complete"]


def test_a_launcher_that_is_killed_leaves_nobody_behind(launch, write_rig):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}")
    recorded(rig, 10)
    pids = [rig.node(name) for name in NODES]
    rig.process.kill()
    assert rig.wait() != 0
    wait_until(lambda: all(map(is_gone, pids)), rig)
    assert rig.about()["complete"]


def test_ctrl_c_just_when_a_node_was_told_to_end_leaves_nobody_behind(launch, write_rig):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}")
    recorded(rig, 10)
    pids = [rig.node(name) for name in NODES]
    os.kill(rig.node("/top/camera"), signal.SIGTERM)
    rig.saw("off and disarmed by rig: /top/camera")  # the launcher reports it just now
    rig.process.send_signal(signal.SIGINT)
    rig.wait()
    wait_until(lambda: all(map(is_gone, pids)), rig)
    assert rig.about()["complete"]


def test_the_rigs_own_end_and_its_arguments(launch, write_rig):
    rig_file = write_rig(("recorder:", "stop: {after: 15}\nrecorder:"))
    rig = launch("dlstream", "rig.launch.py", f"rig:={rig_file}", "namespace:=rig1", "log_level:=debug")
    assert rig.wait() == 0, rig.output
    assert "stopping: 15 s elapsed" in rig.output
    assert ended(rig) == [f"/rig1{node}" for node in NODES[::-1]]
    assert "[DEBUG]" in rig.output
    assert rig.about()["complete"]


def test_a_video_that_ends_before_its_experiment_began_has_failed(launch, write_rig):
    nobody = ("outputs:\n  screen:", "outputs:\n  other:")
    somebody = ("recorder:", "  screen: {type: topic}\nrecorder:")
    rig = launch(
        "dlstream", "rig.launch.py", f"rig:={write_rig(nobody, somebody, ('seed: 1}', 'seed: 1, frames: 30}'))}"
    )
    assert rig.wait() == 1, rig.output
    assert "stopping: /top/camera has finished" in rig.output
    assert "The experiment never ran: " in rig.output  # its node may not have said yet what it waits for


def test_a_camera_is_started_again_where_it_was_told_to_end_and_not_where_it_has_finished(launch, write_rig):
    again = "cameras:\n  side: {source: synthetic, width: 320, height: 240, fps: 30, on_failure: restart"
    rig_file = write_rig(("cameras:", again + "}"))
    rig = launch("dlstream", "rig.launch.py", f"rig:={rig_file}")
    recorded(rig, 10)
    os.kill(rig.node("/side/camera"), signal.SIGTERM)
    rig.saw("/side/camera was asked to end by a signal; started again")
    wait_until(lambda: rig.output.count("synthetic arena, seed 0") == 2, rig)
    assert rig.stop() == 0, rig.output
    assert "camera has finished" not in rig.output
    rig_file = write_rig(("cameras:", again + ", frames: 30}"), ("seed: 1}", "seed: 1, frames: 300}"))
    rig = launch("dlstream", "rig.launch.py", f"rig:={rig_file}")
    assert rig.wait() == 0, rig.output
    assert "stopping: /top/camera has finished" in rig.output
    assert starts(rig, "side.camera") == 1


def test_what_is_wrong_is_refused_with_exit_code_1(launch, write_rig):
    rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig(('fps: 30', 'fsp: 30'))}")
    assert rig.wait() == 1
    assert "rig.yaml:4: cameras.top.fsp: found the unknown key 'fsp'; expected a known key" in rig.output
    assert "process started" not in rig.output
    for status in ("-1", "abc", "nan"):
        rig = launch("dlstream", "rig.launch.py", f"rig:={write_rig()}", f"status:={status}")
        assert rig.wait() == 1
        assert f"status:={status}: found '{status}'; expected seconds, such as 5, or 0 for none" in rig.output
        assert "process started" not in rig.output
    several = write_rig(("cameras:", "hosts: {here: 127.0.0.1, there: 127.0.0.2}\ncameras:"))
    rig = launch("dlstream", "rig.launch.py", f"rig:={several}")
    assert rig.wait() == 1
    assert "found a section 'hosts'; expected `dlstream run` on each of them, not ros2 launch" in rig.output
    assert "process started" not in rig.output


@pytest.mark.parametrize("together", [False, True])
def test_another_launch_file_includes_ours_in_its_own_namespace(launch, write_rig, tmp_path, together):
    file: Path = tmp_path / "lab.launch.py"
    rig_file = write_rig(("rig: test", f"rig: test\ntogether: {str(together).lower()}"))
    file.write_text(INCLUDING.replace("RIGS", repr({"lab": str(rig_file)})))
    rig = launch(str(file))
    recorded(rig, 10)
    told(rig, "acknowledgement", "show")
    names = subprocess.run(
        ["ps", "-ww", "--ppid", str(rig.process.pid), "-o", "args"], capture_output=True, text=True
    ).stdout
    assert names.count("__ns:=/lab") == (1 if together else len(NODES)), names
    assert ("=/lab/top/camera" in names) is together, "the nodes of one process, each in its own"
    assert rig.stop() == 0
    assert rig.about()["summary"]["faults"] == 0


@pytest.mark.parametrize("by_stop", [False, True])
def test_two_rigs_in_one_launch_end_together_each_with_a_whole_session(launch, tmp_path, monkeypatch, by_stop):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where rigs are announced
    folders = [tmp_path / "rig1", tmp_path / "rig2"]
    for folder in folders:
        folder.mkdir()
        (folder / "rig.yaml").write_text(RIG.format(config=CONFIG, folder=folder))
        (folder / "experiment.yaml").write_text(EXPERIMENT)
    file = tmp_path / "lab.launch.py"
    file.write_text(INCLUDING.replace("RIGS", repr({folder.name: str(folder / "rig.yaml") for folder in folders})))
    rig = launch(str(file))
    for rig.folder in folders:
        recorded(rig, 30)
        told(rig, "acknowledgement", "show")
    for name in ("rig1", "/rig2"):
        assert f"{name.strip('/')}/rig.yaml" in said("status", "--rig", name)
    assert "2 rigs are running; say which with --rig NAME, --rig NAMESPACE" in said("status", "--rig", "test")
    if by_stop:
        words = said("stop", "--all", "--rig", "rig2")
        assert "rig 'test' (namespace rig1) has ended, too: both are of one `ros2 launch`" in words
    else:
        rig.process.send_signal(signal.SIGINT)
    assert rig.wait() == 0, rig.output
    for rig.folder in folders:
        assert rig.about()["complete"]
        assert rig.about()["summary"]["faults"] == 0, rig.output
        assert f"Session   {rig.session}" in rig.output
    rigs = [node for node in ended(rig) if not node.endswith("/experiment")]
    for folder in folders:
        nodes = [node for node in rigs if node.startswith(f"/{folder.name}/")]
        assert nodes == [f"/{folder.name}{node}" for node in NODES[::-1] if node != "/experiment"]
