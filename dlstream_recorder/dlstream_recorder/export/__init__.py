"""Sessions in the formats of other tools. Their libraries are optional and imported only when they are used."""

from dlstream_recorder.export._optional import need

__all__ = ["need"]
