"""Whether an experiment fits its rig, and whether its numbers are plausible."""
