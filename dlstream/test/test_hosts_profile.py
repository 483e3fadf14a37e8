"""The settings of Fast DDS for a rig with several hosts."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dlstream.rig.hosts import Host
from dlstream.run.environment import PROFILE
from dlstream.run.hosts.network import hosts_environment
from dlstream.run.parameter_files import remove_abandoned_files
from dlstream_common import DlstreamError

HOSTNAME = "localhost"  # as Debian has a computer's own name in /etc/hosts: a loopback address
NAMES = {"dds": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}


def test_compressed_images_cross_in_packets_of_their_own_and_raw_ones_do_not(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv(PROFILE, raising=False)
    compressed = "/rig1/top/image_raw/compressed"
    found = hosts_environment({"desk": Host(address="127.0.0.1")}, "desk", print, [compressed])
    assert found[PROFILE].startswith(str(tmp_path)), os.environ.get("TMPDIR")
    assert stat.S_IMODE(Path(found[PROFILE]).stat().st_mode) == 0o600
    assert found[PROFILE] != hosts_environment({"desk": Host(address="127.0.0.1")}, "desk", print)[PROFILE], (
        "nobody knows its name before it is there"
    )
    assert remove_abandoned_files(tmp_path) == 0, "this process lives"
    Path(found[PROFILE]).rename(found[PROFILE].replace(str(os.getpid()), str(2**22 + 1)))
    found[PROFILE] = found[PROFILE].replace(str(os.getpid()), str(2**22 + 1))
    root = ElementTree.parse(found[PROFILE]).getroot()
    writers = {item.get("profile_name"): item for item in root.iterfind(".//dds:data_writer", NAMES)}
    assert set(writers) == {"writer", compressed}
    assert [item.text for item in writers[compressed].iterfind(".//dds:value", NAMES)] == ["1400"]
    assert writers["writer"].find(".//dds:property", NAMES) is None, "each raw image would be 660 packets"
    beats = [item.find(".//dds:heartbeatPeriod/dds:nanosec", NAMES).text for item in writers.values()]
    assert beats == ["100000000"] * 2
    assert remove_abandoned_files(tmp_path) == 1, "of a process that has ended"


def test_a_host_that_only_this_computer_reaches_is_refused_where_others_are_elsewhere():
    hosts = {"desk": Host(address=HOSTNAME), "arena": Host(address="10.0.0.2")}
    message = "hosts.desk: found 'localhost', which is 127.0.0.1 on this computer: arena can't reach that; expected its"
    with pytest.raises(DlstreamError, match=re.escape(message)) as refusal:
        hosts_environment(hosts, "desk", print)
    assert "/etc/hosts" in str(refusal.value)


def test_all_hosts_may_be_on_one_computer(monkeypatch):
    monkeypatch.setenv(PROFILE, "of the lab's own")
    hosts = {"desk": Host(address=HOSTNAME), "arena": Host(address="127.0.0.2")}
    assert hosts_environment(hosts, "desk", print)["ROS_STATIC_PEERS"].endswith("127.0.0.2")
