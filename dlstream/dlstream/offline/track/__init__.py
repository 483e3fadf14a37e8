"""`dlstream track`: the poses in many videos, without an experiment or a rig, here or on a Dask cluster."""
