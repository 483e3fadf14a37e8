"""What an experiment file contains, and reading it. Nothing here runs an experiment."""
