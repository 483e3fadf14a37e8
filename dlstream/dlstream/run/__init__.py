"""A rig at work: its processes, their ends, and what the terminal shows of them."""
