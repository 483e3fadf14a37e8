"""Less precision for a network file, proved on frames that the calibration has not seen."""

from dlstream_pose.convert.precision._command import SPREAD, add_proof_arguments, main, quantize_as_given
from dlstream_pose.convert.precision._labels import Labels, read_labels
from dlstream_pose.convert.precision._prove import Limits
from dlstream_pose.convert.precision._quantize import ENGINES_OF, quantize
from dlstream_pose.convert.precision._selection import Selection, select

__all__ = [
    "ENGINES_OF",
    "SPREAD",
    "Labels",
    "Limits",
    "Selection",
    "add_proof_arguments",
    "main",
    "quantize",
    "quantize_as_given",
    "read_labels",
    "select",
]
