"""Reads YAML files into settings; every problem is reported with its line."""
