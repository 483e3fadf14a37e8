"""The time from a decision to the light that the animal sees, and from a light to the answer to it."""
