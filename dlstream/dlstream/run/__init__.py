"""A running rig: its processes, how they end, and what the terminal shows."""
