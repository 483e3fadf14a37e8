"""One rig on two hosts: two network namespaces, joined by a cable that can be cut, with a real ssh between them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from host_tools import NoHostsError, TwoHosts, two_hosts
from rig_tools import CONFIG, RigUnderTest, on_while_seen, recorded, told, wait_until

RIG = """\
rig: hosts
pictures: false
hosts:
  desk: {{address: {desk}, {limits}}}
  arena: {{address: {arena}, {limits}{ssh}}}
cameras: {{top: {{source: synthetic, width: 640, height: 480, fps: 15, seed: 1, queue: 200, host: arena}}}}
pose: {{network: {config}/networks/demo_mouse.onnx, scale: 0.5, image_transport: {transport}}}
experiment: {{file: experiment.yaml, acknowledgement_timeout: 60, output_timeout: 60, start_timeout: 300}}
outputs:
  laser: {{type: log, file: {folder}/laser.txt, commander_timeout: {silence}, max_command_age: 60, host: arena}}
recorder:
  {{directory: {folder}/sessions, image_depth: 200, silence: 60, min_free: 0.1, image_transport: {transport}{beside}}}
"""
FRAMES = 60
LATER = """\
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (clock == CLOCK_REALTIME) time->tv_sec += SECONDS;
    return result;
}
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    struct timespec by_the_kernel = *until; /* which knows nothing of the later clock */
    int real = until->tv_sec > 1000000000;  /* since 1970, not since the start of the machine */
    if (real) by_the_kernel.tv_sec -= SECONDS;
    return pthread_cond_clockwait(condition, mutex, real ? CLOCK_REALTIME : CLOCK_MONOTONIC, &by_the_kernel);
}
"""
LIMITS = ("silence", "gone_after", "clock_limit", "on_failure")
PATIENT = {"silence": 30, "gone_after": 120, "clock_limit": 3600, "ssh": "", "transport": "raw", "beside": ""}


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    try:
        with two_hosts() as made:
            yield made
    except NoHostsError as error:
        pytest.skip(f"two network namespaces can't be made here: {error}")


@pytest.fixture
def write(tmp_path: Path, hosts: TwoHosts) -> Callable[..., Path]:
    """Writes the rig into a folder, by default that of the test; on both hosts the same, since they share the disk."""

    def write(folder: Path = tmp_path, **values: object) -> Path:
        folder.mkdir(exist_ok=True)
        (folder / "experiment.yaml").write_text(on_while_seen("hosts", 640, 480))
        known = {**PATIENT, **values}
        limits = ", ".join(f"{key}: {known[key]}" for key in LIMITS if key in known)
        limits += ", start_timeout: 300"
        text = RIG.format(config=CONFIG, folder=tmp_path, limits=limits, **hosts.addresses, **known)
        (folder / "rig.yaml").write_text(text)
        return folder / "rig.yaml"

    return write


@pytest.fixture
def begin(tmp_path: Path, hosts: TwoHosts) -> Iterator[Callable[..., RigUnderTest]]:
    """Starts dlstream on a host: `begin("desk", "run", str(rig))`."""
    shares = []

    def begin(host: str, *words: str) -> RigUnderTest:
        shares.append(RigUnderTest(hosts.dlstream(host, *words), tmp_path))
        return shares[-1]

    yield begin
    hosts.join()
    for share in shares:
        if share.process.poll() is None:
            share.process.send_signal(signal.SIGINT)
    for share in shares:
        share.wait()


@pytest.fixture
def ssh(tmp_path: Path, hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An sshd on the arena; what follows `ssh` to reach it."""
    sshd = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
    client = shutil.which("ssh")
    if sshd is None or client is None:
        pytest.skip("no sshd or no ssh (openssh-server, openssh-client): no host can be started by it")
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)], check=True)
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress {hosts.addresses['arena']}\nPort 22\nHostKey {tmp_path}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    server = subprocess.Popen(
        hosts.words("arena", sshd, "-D", "-e", "-f", str(tmp_path / "sshd_config")),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    assert "listening" in server.stderr.readline()
    # In place of ~/.ssh/config, which is of whoever runs the tests: the host's key is new each time.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(
        f'#!/bin/sh\nexec {client} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"\n'
    )
    (tmp_path / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    yield f"-i {tmp_path}/user root@{hosts.addresses['arena']}"
    server.terminate()
    server.wait()
    server.stderr.close()


def later(folder: Path, seconds: int) -> Path:
    """A library that sets the clock of a process forward."""
    (folder / "later.c").write_text(LATER)
    compiler = shutil.which("cc") or pytest.skip("no C compiler (cc): no host can have another time")
    words = [compiler, "-shared", "-fPIC", f"-DSECONDS={seconds}", "-o", "later.so", "later.c"]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "later.so"


def events(rig: RigUnderTest, kind: str) -> list[dict[str, str]]:
    with (rig.session / "events.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["kind"] == kind]


def acted(folder: Path) -> list[str]:
    file = folder / "laser.txt"
    return [line.partition("\t")[2] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_one_command_runs_a_rig_on_two_hosts(begin, write, hosts, ssh, tmp_path, transport):
    command = hosts.start_command()
    rig = write(ssh=f", ssh: '{ssh}', command: {json.dumps(command)}", transport=transport)
    desk = begin("desk", "run", "--status", "1", str(rig))
    recorded(desk, FRAMES)
    told(desk, "acknowledgement", "on")
    wait_until(lambda: events(desk, "clock_offset"), desk)
    assert desk.stop() == 0, desk.output
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE is LOCALHOST, and this rig has parts on arena: it uses SUBNET" in desk.output
    assert "host arena" in desk.output
    assert "arena              rig                stopping: host desk: SIGINT received" in desk.output
    assert acted(tmp_path)[-1] == "off"
    about = desk.about()
    summary = about["summary"]
    assert about["complete"]
    assert summary["faults"] == 0, desk.output
    assert summary["frames_captured"] == summary["frames_recorded"] >= FRAMES
    assert summary["frames_dropped"] == summary["poses_lost"] == 0
    clocks = [json.loads(row["values"]) for row in events(desk, "clock_offset")]
    assert all(abs(int(one["offset_ns"])) <= int(one["uncertainty_ns"]) for one in clocks), "it is the same clock"
    assert clocks[0]["nodes"] == "/outputs/laser /top/camera", "whose times are corrected by it"
    assert summary["clock_uncertainty_ms"] > 0


def test_no_compressed_frame_is_lost_where_a_tenth_of_all_packets_is(begin, write, hosts):
    rig = write(transport="compressed")
    arena = begin("arena", "run", str(rig), "--host", "arena")
    desk = begin("desk", "run", "--status", "1", str(rig))
    recorded(desk, 5)
    try:
        hosts.lose(10)
    except NoHostsError as error:
        pytest.skip(f"no packets can be lost here: {error}")
    try:
        recorded(desk, 5 + FRAMES)
    finally:
        hosts.lose_nothing()
    assert desk.stop() == 0, desk.output
    assert arena.wait() == 0, arena.output
    summary = desk.about()["summary"]
    assert summary["frames_captured"] == summary["frames_recorded"] >= 5 + FRAMES
    assert summary["frames_dropped"] == 0


def test_the_check_of_the_main_host_asks_the_others(begin, write, hosts, ssh, tmp_path):
    other = tmp_path / "other" / "rig.yaml"
    where = f", ssh: '{ssh}', command: {json.dumps(hosts.start_command())}"
    same = begin("desk", "check", "--hosts", str(write(ssh=where)))
    assert same.wait() == 0, same.output
    assert "/top/camera              dlstream_camera camera  on arena" in same.output
    assert "/pose                    dlstream_pose pose  on desk" in same.output
    _, there = same.output.split("Host arena, by ssh")
    assert "rig.yaml is valid." in there, "it was checked over there as well"
    rig = write(ssh=f"{where}, file: {other}")
    shutil.copytree(tmp_path, other.parent, ignore=shutil.ignore_patterns("other"))
    other.write_text(other.read_text().replace("seed: 1", "seed: 2"))
    differs = begin("desk", "check", "--hosts", str(rig))
    assert differs.wait() == 1
    assert "differs from desk: rig file; copy the rig's folder" in differs.output
    other.unlink()
    gone = begin("desk", "check", "--hosts", str(rig))
    assert gone.wait() == 1
    assert f"{other}" in gone.output.split("Host arena, by ssh")[1]


def test_a_cut_cable_switches_off_and_the_run_goes_on_or_ends(begin, write, hosts, tmp_path):
    rig = write(silence=5, gone_after=30)
    arena = begin("arena", "run", str(rig), "--host", "arena")
    desk = begin("desk", "run", "--status", "1", str(rig))
    told(desk, "acknowledgement", "on")
    before = len(acted(tmp_path))
    hosts.cut()
    wait_until(lambda: "off" in acted(tmp_path)[before:], arena)
    desk.saw("nothing has been heard of host arena for")
    before = len(acted(tmp_path))
    hosts.join()
    desk.saw("host arena is back after")
    wait_until(lambda: "on" in acted(tmp_path)[before:], arena)
    hosts.cut()
    assert desk.wait() == arena.wait() == 1
    assert "stopping: host arena is gone: nothing heard for" in desk.output
    assert "stopping: host desk is gone: nothing heard for" in arena.output
    assert acted(tmp_path)[-1] == "off"
    about = desk.about()
    assert about["complete"], "what was recorded on this side is whole"
    assert about["summary"]["frames_recorded"] > 0


def test_a_rig_that_goes_on_without_a_host_takes_it_back(begin, write, hosts, tmp_path):
    rig = write(silence=5, gone_after=6, on_failure="continue", beside=", host: arena")
    arena = begin("arena", "run", str(rig), "--host", "arena")
    desk = begin("desk", "run", "--status", "1", str(rig))
    told(arena, "acknowledgement", "on")
    before = len(acted(tmp_path))
    hosts.cut()
    wait_until(lambda: "off" in acted(tmp_path)[before:], arena)
    desk.saw("host arena is gone; the rig continues without it")
    arena.saw("host desk is gone; the rig continues without it")
    before = len(acted(tmp_path))
    hosts.join()
    desk.saw("host arena is back after")
    arena.saw("host desk is back after")
    wait_until(lambda: "on" in acted(tmp_path)[before:], arena)
    assert desk.stop() == 0, desk.output
    arena.wait()  # however it ends: with its clock moved, what waits until a time may wait for long
    assert acted(tmp_path)[-1] == "off"
    summary = arena.about()["summary"]
    assert arena.about()["complete"]
    assert summary["frames_captured"] == summary["frames_recorded"], "the camera and the recorder are on the same side"
    assert any("nothing has been heard of host desk for" in row["values"] for row in events(arena, "fault"))


def test_a_share_that_was_killed_and_started_again_has_its_output_back(begin, write, tmp_path):
    rig = write(silence=5, gone_after=6, on_failure="continue")
    arena = begin("arena", "run", str(rig), "--host", "arena")
    desk = begin("desk", "run", "--status", "1", str(rig))
    told(desk, "acknowledgement", "on")
    wait_until(lambda: "on" in acted(tmp_path), arena)
    before = len(acted(tmp_path))
    arena.process.kill()
    wait_until(lambda: "off" in acted(tmp_path)[before:], desk)
    desk.saw("host arena is gone; the rig continues without it")
    before = len(acted(tmp_path))
    arena = begin("arena", "run", str(rig), "--host", "arena")
    desk.saw("host arena is back after")
    wait_until(lambda: "on" in acted(tmp_path)[before:], desk)
    desk.saw("output 'laser' is back: its node was restarted, and is off")
    assert desk.stop() == arena.wait() == 0, desk.output + arena.output
    assert acted(tmp_path)[-1] == "off"
    assert desk.about()["complete"]


def test_hosts_with_different_rigs_do_not_start(begin, write, tmp_path):
    own, other = write(), write(tmp_path / "other", transport="compressed")
    arena = begin("arena", "run", str(other), "--host", "arena", "--note", "as seen there")
    desk = begin("desk", "run", str(own))
    assert desk.wait() == arena.wait() == 1
    refused = "host arena has another rig file, another options of the command line than desk"
    there = "host desk has another rig file, another options of the command line than arena"
    assert refused in desk.output or there in desk.output, desk.output
    assert not (tmp_path / "sessions").exists(), "nothing was started"
    assert acted(tmp_path) == []


def test_a_host_that_is_not_there_is_named(begin, write, hosts):
    rig = write()
    rig.write_text(rig.read_text().replace(", start_timeout: 300", ", start_timeout: 2"))
    desk = begin("desk", "run", str(rig))
    assert desk.wait() == 1
    assert f"host arena ({hosts.addresses['arena']}) was not heard within 2 s" in desk.output
    wrong = begin("desk", "run", str(rig), "--host", "arena")
    assert wrong.wait() == 1
    assert f"hosts.arena: found {hosts.addresses['arena']}, which is no address of this computer" in wrong.output


def test_ages_are_judged_by_clocks_that_were_compared(begin, write, hosts, tmp_path):
    rig = write()  # poses and commands may be 60 s old
    library = later(tmp_path, 600)
    arena = RigUnderTest(hosts.dlstream("arena", "run", str(rig), "--host", "arena", preload=library), tmp_path)
    desk = begin("desk", "run", "--status", "1", str(rig))
    wait_until(lambda: "on" in acted(tmp_path), desk)
    told(desk, "acknowledgement", "on")
    wait_until(lambda: events(desk, "clock_offset"), desk)
    assert desk.stop() == arena.wait() == 0, desk.output + arena.output
    assert not [row for row in events(desk, "fault") if row["name"] in ("pose", "laser")], desk.output
    offset = json.loads(events(desk, "clock_offset")[0]["values"])
    assert abs(int(offset["offset_ns"]) - 600_000_000_000) <= int(offset["uncertainty_ns"])


def test_hosts_whose_clocks_differ_too_much_do_not_start(begin, write, hosts, tmp_path):
    library = later(tmp_path, 3)
    rig = write(clock_limit=1)
    arena = RigUnderTest(hosts.dlstream("arena", "run", str(rig), "--host", "arena", preload=library), tmp_path)
    desk = begin("desk", "run", str(rig))
    assert desk.wait() == arena.wait() == 1
    said = desk.output + arena.output
    found = re.search(r"the clock of host \w+ is ([\d.]+) ms ± ([\d.]+) (ahead of|behind) this one", said)
    assert found is not None, said
    assert abs(float(found[1]) - 3000) <= float(found[2])
    assert "expected less than 1 s" in said
    assert not (tmp_path / "sessions").exists(), "nothing was started"
