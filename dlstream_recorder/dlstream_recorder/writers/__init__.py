"""The files of a session and what writes them."""
