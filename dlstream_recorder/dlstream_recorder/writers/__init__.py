"""Writers of the files of a session."""
