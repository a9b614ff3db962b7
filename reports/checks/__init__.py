"""The checks: what can be wrong with a run, each a number over it and a threshold."""
