"""A rig on several computers: what their runners tell each other, how they start each other, and their clocks."""
