"""Files that are not what their name says are named for what they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common import SourceError
from dlstream_common.file_kinds import kind_of_file
from dlstream_common.video import open_frames


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\r\n<!DOCTYPE html><title>Sign in</title>", "a web page (HTML), as a download without a login leaves it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, not the file itself: `git lfs pull`"),
        (b"\x89HDF\r\n\x1a\n\x00\x00", "an HDF5 file"),
        (b"PK\x03\x04\x14\x00a.txt", "a ZIP archive"),
        (b"PK\x03\x04\x00\x00archive/data.pkl", "a PyTorch file"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model"),
        (b'<?xml version="1.0"?>\n<net name="mouse" version="11">', "an OpenVINO model (XML)"),
        (b"ftrt\x00\x00\x00\x00", "a TensorRT engine"),
        (b"\x00\x00\x00\x20ftypisom", "a video (MP4 or QuickTime)"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a video (AVI)"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "sound (WAV)"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "an image (WebP)"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '|u1'", "a NumPy array (.npy)"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file (.mat)"),
        (b"\x80\x04\x95\x00\x00", "a Python pickle"),
        (b"MM\x00*\x00\x00\x00\x08", "an image (TIFF)"),
        (b"II+\x00\x08\x00", "an image (BigTIFF)"),
        (b"\x28\xb5\x2f\xfd\x00", "a file packed by Zstandard: `unzstd` unpacks it"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "what macOS keeps beside a file (._NAME)"),
        (b"\xed\xfe\0\0" + "Norpix seq".encode("utf-16-le"), "a sequence of StreamPix (.seq): `sio reencode"),
        (b"\x00" * 5000, "a file that begins with zeros only"),
        ("Käfig\n".encode(), "a text"),
        (("x" * 4095 + "ä").encode(), "a text"),
        (b"\x08\x07garbage", ""),
        (b"", ""),
    ],
)
def test_a_file_is_named_by_what_is_in_it(tmp_path: Path, content: bytes, kind: str):
    path = tmp_path / "mouse.mp4"
    path.write_bytes(content)
    found = kind_of_file(path)
    assert found.startswith(kind)
    assert bool(found) == bool(kind)


@given(st.binary(max_size=300))
def test_anything_has_a_kind_or_none(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.mktemp("kinds") / "file"
    path.write_bytes(content)
    kind_of_file(path)


def test_what_is_no_video_is_named(tmp_path: Path):
    path = tmp_path / "mouse.mp4"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mouse.avi", b"0" * 100)
    with pytest.raises(SourceError, match=r"mouse\.mp4: found a ZIP archive; expected a video"):
        open_frames(path)


def test_a_folder_of_videos_is_no_folder_of_images(tmp_path: Path):
    (tmp_path / "._a.mp4").touch()
    (tmp_path / "B.MTS").touch()
    with pytest.raises(SourceError, match=r"found a folder of videos; expected one of them, such as B\.MTS.*track"):
        open_frames(tmp_path)
