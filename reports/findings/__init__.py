"""What is wrong with one run: checks of its record, and the findings they come to."""
