"""The figures of a run's probes."""
