"""A session folder: written live or offline, recovered, checked."""
