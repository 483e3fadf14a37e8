"""Frames that cross a slow network as JPEG: pose and recorder take every one of them."""

from __future__ import annotations

from rig_tools import recorded, told


def test_a_rig_with_compressed_images_loses_none(start, write_rig):
    changed = [
        ("scale: 1\n", "scale: 1\n  image_transport: compressed\n"),
        ("image_depth: 200", "image_depth: 200, image_transport: compressed"),
    ]
    rig = start("run", str(write_rig(*changed)))
    recorded(rig, 60)
    told(rig, "acknowledgement", "show")
    assert rig.stop() == 0, rig.output
    summary = rig.about()["summary"]
    assert summary["frames_dropped"] == 0
    assert summary["frames_captured"] == summary["frames_recorded"] >= 60
    assert summary["faults"] == 0
    assert summary["poses"] > 0
