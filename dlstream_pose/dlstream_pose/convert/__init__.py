"""Networks of other tools into network files for dlstream.

A kind of source file is one module in `sources`, a way to decode a network's output one module in `decoders`; both
are found by being there.
"""

from dlstream_pose.convert._convert import Report, convert, main
from dlstream_pose.convert._source import SourceNetwork

__all__ = ["Report", "SourceNetwork", "convert", "main"]
