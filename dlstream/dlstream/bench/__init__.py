"""How fast a rig is on this machine: `dlstream bench`, `dlstream network test`, `dlstream recording test`."""
