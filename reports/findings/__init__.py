"""What is wrong with a run: its diagnosis, in words and as JSON."""
