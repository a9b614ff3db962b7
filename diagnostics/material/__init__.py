"""What agents are asked about: the probe set, and the labelled set whose truth is known."""
