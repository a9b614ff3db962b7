"""Measurements of goalscope itself, always side by side with plain SB3 in one run."""
