"""Kinds of sources, one module each: `accepts(path)`, `EXPECTED` and `open_source(path) -> SourceNetwork`."""
