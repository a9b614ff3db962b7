"""What a run needs to go on exactly, on disk."""
