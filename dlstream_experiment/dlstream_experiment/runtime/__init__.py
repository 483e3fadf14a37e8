"""What happens in a run: poses, values and time go in, events and commands come out."""
