"""Offline probes of what training saved."""
