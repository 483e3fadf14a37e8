"""The rig: its file, the nodes it describes, and what can be checked before they start."""
