"""What every dlstream package shares. Nothing here imports ROS; `dlstream_common.ros` does."""

from dlstream_common.errors import (
    DlstreamError,
    InputError,
    NetworkError,
    Problem,
    RecordingError,
    SourceError,
    suggest,
)
from dlstream_common.events import OFF, RIG, Cause, Command, Event
from dlstream_common.frame import Frame, FramePoses, Image, Individual, now
from dlstream_common.images import ENCODINGS, EncodingError, encoding_of, image_from_bytes, to_bgr
from dlstream_common.meter import Meter
from dlstream_common.settings import AnyPath, ExistingFile, NamedFiles, Settings, UsedFile, named_file
from dlstream_common.yaml.file import line_of, load_settings, read_yaml, resolved

__all__ = [
    "ENCODINGS",
    "OFF",
    "RIG",
    "AnyPath",
    "Cause",
    "Command",
    "DlstreamError",
    "EncodingError",
    "Event",
    "ExistingFile",
    "Frame",
    "FramePoses",
    "Image",
    "Individual",
    "InputError",
    "Meter",
    "NamedFiles",
    "NetworkError",
    "Problem",
    "RecordingError",
    "Settings",
    "SourceError",
    "UsedFile",
    "encoding_of",
    "image_from_bytes",
    "line_of",
    "load_settings",
    "named_file",
    "now",
    "read_yaml",
    "resolved",
    "suggest",
    "to_bgr",
]
