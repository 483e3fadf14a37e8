"""The inputs of an engine and what followed from them: written, read and replayed."""
