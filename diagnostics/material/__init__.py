"""What agents are asked about: their task, the probe set, the labelled set whose truth is known."""
