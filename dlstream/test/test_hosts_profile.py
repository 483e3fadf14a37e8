"""The settings of Fast DDS for a rig with several hosts."""

from __future__ import annotations

import os
from xml.etree import ElementTree

from dlstream.rig.hosts import Host
from dlstream.run.environment import PROFILE
from dlstream.run.hosts.network import hosts_environment

NAMES = {"dds": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}


def test_compressed_images_cross_in_packets_of_their_own_and_raw_ones_do_not(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv(PROFILE, raising=False)
    compressed = "/rig1/top/image_raw/compressed"
    found = hosts_environment({"desk": Host(address="127.0.0.1")}, "desk", print, [compressed])
    assert found[PROFILE].startswith(str(tmp_path)), os.environ.get("TMPDIR")
    root = ElementTree.parse(found[PROFILE]).getroot()
    writers = {item.get("profile_name"): item for item in root.iterfind(".//dds:data_writer", NAMES)}
    assert set(writers) == {"writer", compressed}
    assert [item.text for item in writers[compressed].iterfind(".//dds:value", NAMES)] == ["1400"]
    assert writers["writer"].find(".//dds:property", NAMES) is None, "each raw image would be 660 packets"
    beats = [item.find(".//dds:heartbeatPeriod/dds:nanosec", NAMES).text for item in writers.values()]
    assert beats == ["100000000"] * 2
