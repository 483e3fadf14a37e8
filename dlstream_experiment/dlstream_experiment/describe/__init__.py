"""An experiment in words and pictures."""
