"""What an experiment file says, and reading it. Nothing here runs an experiment."""
