"""What is measured while a run trains: one file for each kind of measurement."""
