"""The built-in protocols at work."""
