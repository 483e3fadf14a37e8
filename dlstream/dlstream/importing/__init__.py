"""DeepLabStream's settings turned into a rig file and an experiment file."""
