"""What a file is by its first bytes, for those that are not what their name says."""

from __future__ import annotations

from pathlib import Path

PYTORCH = "a PyTorch file"
HEIC = "an image (HEIC or AVIF)"
MP4 = "a video (MP4 or QuickTime)"
_AVI, _MATROSKA = "a video (AVI)", "a video (Matroska or WebM)"
_MCAP, _SQLITE, _ROS1 = "a bag (MCAP)", "an SQLite database, such as a bag of ROS 2", "a bag of ROS 1"
_PNG, _JPEG, _GIF, _WEBP = "an image (PNG)", "an image (JPEG)", "an image (GIF)", "an image (WebP)"
_TIFF, _BIGTIFF, _FITS = "an image (TIFF)", "an image (BigTIFF)", "an image (FITS)"
VIDEOS = frozenset((MP4, _AVI, _MATROSKA))
IMAGES = frozenset((HEIC, _PNG, _JPEG, _GIF, _WEBP, _TIFF, _BIGTIFF, _FITS))
BAGS = frozenset((_MCAP, _SQLITE, _ROS1))
"""What may be a bag: an SQLite database may be another thing as well."""

_HEAD = 4096
_STARTS = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself: `git lfs pull` fetches it"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x1f\x8b", "a file packed by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", _PNG),
    (b"\xff\xd8\xff", _JPEG),
    (b"#ROSBAG V", _ROS1),
    (b"\x89MCAP", _MCAP),
    (b"SQLite format 3", _SQLITE),
    (b"\x1a\x45\xdf\xa3", _MATROSKA),
    (b"ftrt", "a TensorRT engine"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"MATLAB ", "a MATLAB file (.mat)"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", _BIGTIFF),
    (b"MM\0+", _BIGTIFF),
    (b"SIMPLE  =", _FITS),
    (b"GIF8", _GIF),
    (b"ID3", "sound (MP3)"),
    (b"fLaC", "sound (FLAC)"),
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard: `unzstd` unpacks it"),
    (b"\xfd7zXZ\0", "a file packed by xz: `unxz` unpacks it"),
    (b"BZh", "a file packed by bzip2: `bunzip2` unpacks it"),
    (b"\xed\xfe\0\0N\0o\0r\0", "a sequence of StreamPix (.seq): `sio reencode NAME.seq -o NAME.mp4` converts it"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file (._NAME), not the file itself"),
)
_STILLS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""Brands of files that are built as an MP4, and hold an image."""
_RIFFS = {b"AVI ": _AVI, b"WAVE": "sound (WAV)", b"WEBP": _WEBP}


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
        return PYTORCH if b"/data.pkl" in head or b"/.format" in head else "a ZIP archive"
    if head[4:8] == b"ftyp":
        return HEIC if head[8:12] in _STILLS else MP4
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
