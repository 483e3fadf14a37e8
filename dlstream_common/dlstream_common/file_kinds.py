"""What a file is by its first bytes, for those that are not what their name says."""

from __future__ import annotations

from pathlib import Path

_HEAD = 4096
_STARTS = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself: `git lfs pull` fetches it"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x1f\x8b", "a file packed by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"#ROSBAG V", "a bag of ROS 1"),
    (b"\x89MCAP", "a bag (MCAP)"),
    (b"SQLite format 3", "an SQLite database, such as a bag of ROS 2"),
    (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    (b"ftrt", "a TensorRT engine"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"MATLAB ", "a MATLAB file (.mat)"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"II*\0", "an image (TIFF)"),
    (b"MM\0*", "an image (TIFF)"),
    (b"II+\0", "an image (BigTIFF)"),
    (b"MM\0+", "an image (BigTIFF)"),
    (b"SIMPLE  =", "an image (FITS)"),
    (b"GIF8", "an image (GIF)"),
    (b"ID3", "sound (MP3)"),
    (b"fLaC", "sound (FLAC)"),
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard: `unzstd` unpacks it"),
    (b"\xfd7zXZ\0", "a file packed by xz: `unxz` unpacks it"),
    (b"BZh", "a file packed by bzip2: `bunzip2` unpacks it"),
    (b"\xed\xfe\0\0N\0o\0r\0", "a sequence of StreamPix (.seq): `sio reencode NAME.seq -o NAME.mp4` converts it"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file (._NAME), not the file itself"),
)
HEIC = "an image (HEIC or AVIF)"
_STILLS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""Brands of files that are built as an MP4, and hold an image."""
_RIFFS = {b"AVI ": "a video (AVI)", b"WAVE": "sound (WAV)", b"WEBP": "an image (WebP)"}


def kind_of_file(path: Path) -> str:
    """What a file is, in words with an article; empty if its first bytes do not tell.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return "a PyTorch file" if b"/data.pkl" in head or b"/.format" in head else "a ZIP archive"
    if head[4:8] == b"ftyp":
        return HEIC if head[8:12] in _STILLS else "a video (MP4 or QuickTime)"
    if head[:4] == b"RIFF" and head[8:12] in _RIFFS:
        return _RIFFS[head[8:12]]
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if head and not any(head):
        return "a file that begins with zeros only, as an interrupted copy leaves it"
    return _text(head)


def _text(head: bytes) -> str:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < _HEAD:  # else the last letter is cut off
            return ""
        text = head[: error.start].decode("utf-8")
    if not text.strip() or any(ord(letter) < 32 and letter not in "\t\n\v\f\r" for letter in text):
        return ""
    begin = text.lstrip("\ufeff \t\r\n").lower()
    if begin.startswith(("<!doctype html", "<html")):
        return "a web page (HTML), as a download without a login leaves it"
    if begin.startswith("<?xml") and "<net " in begin:
        return "an OpenVINO model (XML)"
    return "a text"
