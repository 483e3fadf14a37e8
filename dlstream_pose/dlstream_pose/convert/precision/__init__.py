"""Less precision for a network file, proved on frames that the calibration has not seen."""

from dlstream_pose.convert.precision._labels import Labels, read_labels
from dlstream_pose.convert.precision._quantize import ENGINES_OF, Limits, main, quantize
from dlstream_pose.convert.precision._selection import Selection, select

__all__ = ["ENGINES_OF", "Labels", "Limits", "Selection", "main", "quantize", "read_labels", "select"]
