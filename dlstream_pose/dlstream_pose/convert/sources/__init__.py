"""Kinds of source files, one module each: `SUFFIXES` and `open_source(path) -> SourceNetwork`."""
