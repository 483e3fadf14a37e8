"""What an engine took in and what followed from it, written, read and replayed."""
