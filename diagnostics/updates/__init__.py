"""The real updates: tapped as SB3 makes them, when they are due, and left as they were found."""
