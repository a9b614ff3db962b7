"""Mistakes of the blind round that is still to be scored: what `blind.py` plants."""
