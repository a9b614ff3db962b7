"""Environments: what is observed, how it is drawn, how their state is kept."""
