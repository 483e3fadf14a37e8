"""What all dlstream packages share. Only `dlstream_common.ros` imports ROS."""

from dlstream_common.credentials import masked
from dlstream_common.errors import (
    DlstreamError,
    InputError,
    NetworkError,
    RecordingError,
    SourceError,
)
from dlstream_common.events import FINITE, OFF, RIG, Cause, Command, Event
from dlstream_common.frame import Frame, FramePoses, Image, Individual, now
from dlstream_common.images import (
    ENCODINGS,
    EncodingError,
    encoding_of,
    image_from_bytes,
    image_from_compressed,
    to_bgr,
    to_view,
)
from dlstream_common.meter import Meter
from dlstream_common.names import Name, Namespace, RigNamespace
from dlstream_common.problems import Place, Problem, Severity, did_you_mean, key_of, nearest, suggest
from dlstream_common.settings import (
    FILLED_IN,
    AnyPath,
    ExistingFile,
    NamedFiles,
    Settings,
    SettingsWithFormerKeys,
    UsedFile,
    former,
    former_key,
    is_filled_in,
    misfit,
    named_file,
)
from dlstream_common.yaml.file import line_of, load_settings, read_yaml, resolved

__all__ = [
    "ENCODINGS",
    "FILLED_IN",
    "FINITE",
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
    "Name",
    "NamedFiles",
    "Namespace",
    "NetworkError",
    "Place",
    "Problem",
    "RecordingError",
    "RigNamespace",
    "Settings",
    "SettingsWithFormerKeys",
    "Severity",
    "SourceError",
    "UsedFile",
    "did_you_mean",
    "encoding_of",
    "former",
    "former_key",
    "image_from_bytes",
    "image_from_compressed",
    "is_filled_in",
    "key_of",
    "line_of",
    "load_settings",
    "masked",
    "misfit",
    "named_file",
    "nearest",
    "now",
    "read_yaml",
    "resolved",
    "suggest",
    "to_bgr",
    "to_view",
]
