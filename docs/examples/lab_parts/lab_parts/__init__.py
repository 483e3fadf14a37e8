"""Parts of our laboratory for dlstream: one of each kind."""
