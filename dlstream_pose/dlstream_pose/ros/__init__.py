"""The pose node, and what it publishes for each camera."""
