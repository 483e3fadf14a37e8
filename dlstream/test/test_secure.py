"""Keystores: openssl takes their signatures and certificates, and each permission says who may command."""

from __future__ import annotations

import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from dlstream.cli.main import app
from dlstream.rig.hosts import Host
from dlstream.rig.nodes import NodeSpec
from dlstream.run.hosts.ssh import ssh_words
from dlstream.run.process import NodeProcess
from dlstream.secure import Enclave, Keystore
from dlstream.secure.documents import governance
from dlstream_common import DlstreamError

pytest.importorskip("cryptography")
ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "config" / "rig.demo.yaml"
HEARTBEAT = "rt/lab1/experiment/heartbeat"
COMMANDS = {
    "rt/lab1/outputs/*/command",
    HEARTBEAT,
    "rq/lab1/outputs/*/armRequest",
    "rq/lab1/outputs/*/testRequest",
}


def run(*words: object) -> str:
    """The output of openssl.

    Raises:
        CalledProcessError: it refuses.
    """
    openssl = shutil.which("openssl")
    assert openssl is not None
    return subprocess.run([openssl, *map(str, words)], check=True, capture_output=True, text=True).stdout


def denied(folder: Path) -> set[str]:
    """The topics that an identity may not publish, by what openssl takes for signed."""
    return {str(topic.text) for topic in grant_of(folder).findall("deny_rule/publish/topics/topic")}


def allowed(folder: Path) -> set[str]:
    """Those of them that it may publish all the same."""
    rules = [rule for rule in grant_of(folder) if rule.tag.endswith("_rule")]
    first = rules[: next(number for number, rule in enumerate(rules) if rule.tag == "deny_rule")]
    return {str(topic.text) for rule in first for topic in rule.findall("publish/topics/topic")}


def grant_of(folder: Path) -> ElementTree.Element:
    ca = folder / "permissions_ca.cert.pem"
    text = run("smime", "-verify", "-text", "-in", folder / "permissions.p7s", "-CAfile", ca)
    grant = ElementTree.fromstring(text.strip()).find("permissions/grant")
    assert grant is not None
    subject = run("x509", "-in", folder / "cert.pem", "-noout", "-subject", "-nameopt", "RFC2253").strip()
    assert subject == f"subject={grant.findtext('subject_name')}"
    assert [rule.tag for rule in grant][-2:] == ["allow_rule", "default"], "the first rule that fits counts"
    return grant


def identities(store: Path) -> dict[str, Path]:
    """Their folders by name."""
    return {f"/{path.parent.relative_to(store / 'enclaves')}": path.parent for path in store.rglob("cert.pem")}


@pytest.fixture
def rig(tmp_path):
    path = tmp_path / "rig.yaml"
    path.write_text(f"namespace: lab1\n{RIG.read_text()}")
    for name in ("experiment", "networks", "experiments", "images"):
        if (RIG.parent / name).exists():
            (tmp_path / name).symlink_to(RIG.parent / name)
    return path


def test_only_commanders_may_command(rig, tmp_path):
    store = tmp_path / "store"
    done = CliRunner().invoke(app, ["secure", str(rig), "--out", str(store), "--enclave", "/lab/arm"])
    assert done.exit_code == 0, done.output
    folders = identities(store)
    limits = {name: denied(folder) for name, folder in folders.items()}
    may = {name for name, found in limits.items() if found <= {HEARTBEAT}}
    assert may == {"/lab1/experiment", "/lab1/panel", "/lab1/dlstream_monitor"}, "the panel also comes by --panel"
    assert [name for name, found in limits.items() if HEARTBEAT not in found] == ["/lab1/experiment"]
    assert {
        "/lab1/top/camera",
        "/lab1/pose",
        "/lab1/recorder",
        "/lab1/outputs/screen",
        "/lab1/tools",
        "/lab/arm",
    } <= set(folders)
    for folder in (path for name, path in folders.items() if name not in may):
        assert denied(folder) == COMMANDS
    for folder in folders.values():
        run("verify", "-CAfile", folder / "identity_ca.cert.pem", folder / "cert.pem")
        signed = folder / "governance.p7s"
        text = run("smime", "-verify", "-text", "-in", signed, "-CAfile", folder / "permissions_ca.cert.pem")
        assert text.strip().replace("\r\n", "\n") == governance().decode().strip()
    keys = [*(folder / "key.pem" for folder in folders.values()), store / "private" / "ca.key.pem"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert "ROS_SECURITY_ENCLAVE_OVERRIDE=/lab1/dlstream_monitor" in done.output


def test_who_commands_is_what_the_outputs_say(tmp_path):
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "rig: test\ncameras: {top: {source: synthetic}}\noutputs:\n"
        "  laser: {type: log, commander: /lab/decider, also_commanded_by: [arm, nobody]}\n"
        "  lamp: {type: log}\n"
        "  bell: {type: log, also_commanded_by: [anyone]}\n"
    )
    words = ["secure", str(rig), "--out", str(tmp_path / "store"), "--enclave", "/lab/arm", "--namespace", "lab1"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    folders = identities(tmp_path / "store")
    other = "rt/lab/decider/heartbeat"
    assert denied(folders["/lab/decider"]) == COMMANDS, "it has an identity without being asked for"
    assert allowed(folders["/lab/decider"]) == {f"rt/lab1/outputs/{name}/command" for name in ("laser", "bell")}
    assert denied(folders["/lab/arm"]) == {*COMMANDS, other}
    assert allowed(folders["/lab/arm"]) == {f"rt/lab1/outputs/{name}/command" for name in ("laser", "bell")}
    assert denied(folders["/lab1/panel"]) == {HEARTBEAT, other}
    assert denied(folders["/lab1/top/camera"]) == {*COMMANDS, other}
    assert allowed(folders["/lab1/top/camera"]) == {"rt/lab1/outputs/bell/command"}
    assert "may command /lab1/outputs/laser, /lab1/outputs/bell" in done.output
    assert "also_commanded_by: found 'nobody', which has no identity here" in done.output
    assert "'arm', which has no identity" not in done.output


@pytest.mark.parametrize("is_on", [True, False])
def test_a_share_that_ssh_starts_has_the_same_keys(monkeypatch, is_on):
    names = [f"ROS_SECURITY_{name}" for name in ("KEYSTORE", "ENABLE", "STRATEGY", "ENCLAVE_OVERRIDE")]
    for name in names:
        monkeypatch.setenv(name, "a b") if is_on else monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    there = shlex.split(ssh_words(Host(address="arena", ssh="arena"), Path("rig.yaml"), "run")[-1])
    passed = [f"{name}=a b" for name in names] if is_on else []
    assert there == ["env", "ROS_DOMAIN_ID=7", *passed, "dlstream", "run", "rig.yaml"]


def test_a_permission_that_was_changed_is_no_longer_signed(tmp_path):
    Keystore(tmp_path / "store").add([Enclave("/pose", denied=("rt/outputs/*/command",))])
    folder = tmp_path / "store" / "enclaves" / "pose"
    assert denied(folder) == {"rt/outputs/*/command"}
    signed = folder / "permissions.p7s"
    signed.write_bytes(signed.read_bytes().replace(b"rt/outputs/*/command", b"rt/outputs/*/commend"))
    with pytest.raises(subprocess.CalledProcessError):
        denied(folder)


def test_what_is_there_is_kept_and_what_is_new_is_added(tmp_path):
    folder = tmp_path / "store"
    Keystore(folder).add([Enclave("/pose", denied=("rt/a",)), Enclave("/top/camera")])
    before = {path: path.read_bytes() for path in folder.rglob("*.pem")}
    Keystore(folder).add([Enclave("/pose"), Enclave("/side/camera", denied=("rt/a",))])
    assert before.items() <= {path: path.read_bytes() for path in folder.rglob("*.pem")}.items(), "keys are in use"
    assert denied(folder / "enclaves" / "pose") == set(), "a rig that was changed"
    assert denied(folder / "enclaves" / "side" / "camera") == {"rt/a"}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DlstreamError, match=r"found other files; expected a keystore, or an empty or a new folder"):
        Keystore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_without_the_authority_s_key_nothing_is_added(tmp_path):
    Keystore(tmp_path).add([Enclave("/pose")])
    (tmp_path / "private" / "ca.key.pem").write_text("not here")
    with pytest.raises(DlstreamError, match=r"ca.key.pem: can't be read .*expected the authority's key"):
        Keystore(tmp_path).add([Enclave("/top/camera")])


@pytest.mark.parametrize("is_on", [True, False])
def test_each_node_gets_its_own_identity_where_security_is_on(monkeypatch, tmp_path, is_on):
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true" if is_on else "false")
    monkeypatch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", "/dlstream_monitor")
    monkeypatch.setattr("dlstream.run.process.command", lambda spec, parameters: ["env"])
    lines: list[str] = []
    process = NodeProcess(
        NodeSpec("dlstream_camera", "camera", "camera", "/lab1/top"),
        {},
        lambda spec, line: lines.append(line),
        lambda *_: None,
    )
    assert process.wait(60.0)
    found = [match[1] for line in lines if (match := re.fullmatch(r"ROS_SECURITY_ENCLAVE_OVERRIDE=(.*)", line))]
    assert found == ["/lab1/top/camera" if is_on else "/dlstream_monitor"]


def test_a_ros_without_the_security_plugin_is_named(monkeypatch, tmp_path):
    """The wheels have none. A file of the identity that is not there would be missed before it."""
    store = tmp_path / "store"
    assert CliRunner().invoke(app, ["secure", str(RIG), "--out", str(store)]).exit_code == 0
    monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(store))
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_STRATEGY", "Enforce")
    monkeypatch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", "/dlstream_monitor")
    words = [sys.executable, "-m", "dlstream", "run", str(RIG), "--seconds", "1"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert "ROS does not start: " in said
    assert "doesn't have the security libraries" in said
    assert "a ROS 2 whose Fast DDS has the security plugin" in said
    assert "Traceback" not in said
