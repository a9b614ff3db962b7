"""Runs and studies: what is run, whether it can be, and going on with it."""
