"""YAML files read into settings; every problem names its line."""
