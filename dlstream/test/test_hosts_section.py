"""The rig file's `hosts`: which part runs where, and what is refused before the run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from check_tools import refused
from typer.testing import CliRunner

from dlstream.cli.main import app
from dlstream.rig import hosts as hosts_section
from dlstream.rig.check import checked_rig
from dlstream.rig.file import load_rig
from dlstream.rig.hosts import SOCKET_BUFFER, NoSuchHostError
from dlstream.rig.nodes import rig_nodes, share
from dlstream.run.hosts.files import differing, same_everywhere
from dlstream_common import DlstreamError, InputError, Problem

HEAD = "rig: test\ncameras: {top: {source: synthetic}}\n"
CONFIG = Path(__file__).resolve().parents[2] / "config"
TWO = """\
rig: test
hosts: {desk: 10.0.0.1, arena: {address: 10.0.0.2, silence: 1}}
cameras:
  top: {source: synthetic, host: arena}
  side: {source: synthetic}
pose: {network: NETWORK, image_transport: raw}
outputs:
  laser: {type: log, file: laser.txt, host: arena}
recorder: {directory: sessions}
""".replace("NETWORK", str(CONFIG / "networks" / "demo_mouse.onnx"))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "{type: gpio, pin: 17, host: 10.0.0.5}",
            "rig.yaml:3: outputs.laser.host: found '10.0.0.5'; expected a section 'hosts' that names it. The address "
            "of the device is `address` and `port` (once `host` and `host_port`).",
        ),
        (
            "{type: gpio, pin: 17, address: 10.0.0.5, host_port: 8888}",
            "outputs.laser.host_port: found the unknown key 'host_port'; expected a known key. Did you mean 'port'?",
        ),
        (
            "{type: labjack, line: FIO0, host: 10.0.0.6}",
            "outputs.laser.host: found '10.0.0.6'; expected the key address for where the LabJack is",
        ),
    ],
)
def test_the_former_keys_of_an_address_name_the_newer_ones(tmp_path: Path, output: str, message: str) -> None:
    assert message in refused(tmp_path, HEAD + f"outputs: {{laser: {output}}}\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("side: {source: synthetic", "side: {source: synthetic, host: aerna"), "rig.yaml:5: cameras.side.host: found "
         "'aerna'; expected one of hosts: desk, arena. Did you mean 'arena'?"),
        (("recorder: {", "recorder: {host: attic, "), "recorder.host: found 'attic'; expected one of hosts"),
        (("silence: 1", "silence: 9"), "hosts.arena.silence: found 9; expected at most gone_after, 5 s"),
        (("silence: 1", "clock_limit: 0.001"), "hosts.arena.clock_limit: found 0.001; expected at least clock_warning, "
         "0.002 s"),
        (("address: 10.0.0.2", "address: 10.0.0.2<evil>"), "hosts.arena.address: found '10.0.0.2<evil>'; expected"),
        (("desk: 10.0.0.1", "desk: 10"), "hosts.desk: found 10; expected"),
    ],
)  # fmt: skip
def test_what_hosts_can_not_mean_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "rig.yaml").write_text(TWO.replace(*change))
    with pytest.raises(InputError) as refusal:
        checked_rig(tmp_path / "rig.yaml")
    assert message in str(refusal.value)


def test_the_former_name_of_a_key_is_still_read(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(
        TWO.replace("silence: 1", "patience: 9").replace("pose: {network: NETWORK, image_transport: raw}\n", "")
    )
    assert load_rig(tmp_path / "rig.yaml").hosts["arena"].gone_after == 9


ARENAS = """\
rig: test
hosts: {desk: 10.0.0.1, arena: 10.0.0.2}
cameras:
  one: {source: realsense, stream: color, fps: 30}
  one_depth: {source: realsense, stream: depth, align: color, fps: 30}
  two: {source: realsense, stream: color, fps: 60, host: arena}
  two_depth: {source: realsense, stream: depth, align: color, fps: 60, host: arena}
pose: {network: NETWORK}
""".replace("NETWORK", str(CONFIG / "networks" / "demo_mouse.onnx"))


def test_the_only_device_of_one_host_is_not_that_of_another(tmp_path: Path) -> None:
    """Each arena has a RealSense camera, which needs no serial as it is the only one there, and depth of its own."""
    pytest.importorskip("pyrealsense2")
    (tmp_path / "rig.yaml").write_text(ARENAS)
    nodes = rig_nodes(*checked_rig(tmp_path / "rig.yaml"))
    [pose] = [spec for spec in nodes if spec.name == "pose"]
    assert pose.parameters["depth"] == ["one=one_depth", "two=two_depth"]
    cameras = {host: [spec for spec in share(nodes, host) if spec.ends_rig] for host in ("desk", "arena")}
    for host, name, fps in (("desk", "one", 30), ("arena", "two", 60)):
        [device] = cameras[host]
        assert [node.full_name for node in device.nodes] == [f"/{name}/camera", f"/{name}_depth/camera"]
        for node in device.nodes:
            assert len(node.parameters["streams"]) == 2
            assert all(stream.endswith(f"{fps}") for stream in node.parameters["streams"]), node.parameters["streams"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A rig on two hosts."""
    (tmp_path / "rig.yaml").write_text(TWO)
    return tmp_path / "rig.yaml"


def test_each_host_runs_its_share_and_what_says_nothing_runs_on_the_first(two: Path) -> None:
    nodes = rig_nodes(*checked_rig(two))
    names = {host: [spec.full_name for spec in share(nodes, host)] for host in ("desk", "arena")}
    assert names == {"desk": ["/recorder", "/pose", "/side/camera"], "arena": ["/outputs/laser", "/top/camera"]}
    assert len(nodes) == 5, "nothing runs twice, and nothing nowhere"
    assert nodes[-2].ends_rig, "cameras start last, wherever they run"
    assert nodes[-1].ends_rig


def test_one_process_for_all_is_one_on_each_host(two: Path) -> None:
    two.write_text(f"together: true\n{TWO}")
    nodes = rig_nodes(*checked_rig(two))
    assert [[node.full_name for node in spec.nodes] for spec in share(nodes, "arena")] == [
        ["/outputs/laser"],
        ["/top/camera"],
    ]
    [together] = share(nodes, "desk")
    assert {node.full_name for node in together.nodes} == {"/recorder", "/pose", "/side/camera"}


def test_images_are_sent_again_between_hosts_only(two: Path) -> None:
    def reliability(text: str) -> str:
        two.write_text(text)
        [pose] = [spec for spec in rig_nodes(*checked_rig(two)) if spec.name == "pose"]
        return str(pose.parameters["image_reliability"])

    assert reliability(TWO) == "reliable"
    assert reliability(TWO.replace("synthetic, host: arena", "synthetic")) == "best_effort"


def test_the_check_tells_the_sysctl_line_on_the_host_to_which_raw_images_come(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "rmem_max"
    monkeypatch.setattr(hosts_section, "_LIMIT", limit)

    def warnings(held: int, host: str = "", transport: str = "raw") -> str:
        limit.write_text(f"{held}\n")
        two.write_text(TWO.replace("image_transport: raw", f"image_transport: {transport}"))
        found: list[Problem] = []
        checked_rig(two, warn=lambda file, problem: found.append(problem), host=host)
        return "\n".join(str(problem) for problem in found if problem.place == ("hosts",))

    told = warnings(212992)
    assert "raw images of 'top' from arena, and sockets here that hold 212992 bytes" in told
    assert f"sudo sysctl -w net.core.rmem_max={SOCKET_BUFFER}" in told
    assert warnings(SOCKET_BUFFER) == ""
    assert warnings(212992, host="arena") == "", "no image comes there"
    monkeypatch.setattr(hosts_section, "_LIMIT", tmp_path / "none")
    assert hosts_section.receive_limit() is None, "another kernel: nothing is claimed"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ssh", "-oProxyCommand='touch x' anna", "'-oProxyCommand=touch x' is none of them"),
        ("ssh", "-F config anna", "'-F' is none of them"),
        ("ssh", "-J a;touch$IFS'x' anna", "'a;touch$IFSx' is no value of -J"),
        ("ssh", "-p", "'' is no value of -p"),
        ("ssh", "anna@arena touch", "it has 2 destinations"),
        ("ssh", "anna@-oProxyCommand=x", "'anna@-oProxyCommand=x' is no destination"),
        ("ssh", "-4", "it has no destination"),
        ("ssh", "'anna", "no closing quotation"),
        ("ssh", "anna\n", "of printable characters"),
        ("command", "dlstream 'x", "expected a command as a shell takes it"),
        ("command", " ", "expected a command as a shell takes it"),
    ],
)
def test_what_would_run_a_command_here_is_no_way_to_a_host(two: Path, key: str, value: str, message: str) -> None:
    two.write_text(TWO.replace("silence: 1", f"silence: 1, {key}: {json.dumps(value)}"))
    with pytest.raises(InputError) as caught:
        load_rig(two)
    assert f"rig.yaml:2: hosts.arena.{key}: found " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "value", ["anna@arena", "-p 2222 anna@arena", "-4 -i '/a b/key' -l anna -J gate:22,b arena", "ssh://anna@arena:22"]
)
def test_a_way_to_a_host_is_a_destination_and_a_few_options(two: Path, value: str) -> None:
    two.write_text(TWO.replace("silence: 1", f"silence: 1, ssh: {json.dumps(value)}"))
    assert load_rig(two).hosts["arena"].ssh == value


def test_only_with_its_option_the_check_of_a_file_starts_what_it_names(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    two.write_text(TWO.replace("silence: 1", "silence: 1, ssh: anna@arena, command: sh -c 'touch x'"))
    alone = CliRunner().invoke(app, ["check", str(two)])
    assert alone.exit_code == 0, alone.output
    assert (
        f"Host arena is checked there: dlstream check {two} --host arena; or from here, by ssh: --hosts" in alone.output
    )
    assert not (tmp_path / "asked").exists()
    assert CliRunner().invoke(app, ["check", str(two), "--hosts"]).exit_code == 1
    assert "anna@arena" in (tmp_path / "asked").read_text()


def refusal_of(*words: str) -> str:
    outcome = CliRunner().invoke(app, list(words))
    assert isinstance(outcome.exception, DlstreamError), outcome.output
    return str(outcome.exception)


def test_what_one_computer_only_can_do_is_refused(two: Path) -> None:
    local = refusal_of("run", str(two), "--local")
    assert local == "--local: this rig has parts on arena, which nothing would reach; expected a rig without hosts"
    latency = refusal_of("latency", str(two))
    assert latency.endswith(
        "rig.yaml: found a section 'hosts'; expected a rig of one computer, whose clock sees both ends"
    )


def test_a_host_that_the_rig_does_not_name_is_refused(two: Path, tmp_path: Path) -> None:
    assert "--host arean: no host of this rig; expected one of desk, arena. Did you mean 'arena'?" in refusal_of(
        "run", str(two), "--host", "arean"
    )
    (tmp_path / "one.yaml").write_text(HEAD)
    with pytest.raises(NoSuchHostError, match="this rig has one computer; expected a section 'hosts'"):
        checked_rig(tmp_path / "one.yaml", host="arena")


def test_what_differs_between_hosts_is_named(two: Path) -> None:
    own = same_everywhere(*checked_rig(two))
    assert set(own) == {"rig file", "network", "options of the command line", "version of dlstream"}
    two.write_text(f"{TWO}# another line\n")
    assert differing(own, same_everywhere(*checked_rig(two))) == ["rig file"]
    assert differing(own, {}) == list(own), "another version may say nothing"
