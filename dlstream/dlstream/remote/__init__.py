"""Commands for a rig that is running: start, stop, mark, note, status."""
