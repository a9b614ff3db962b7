"""What was recorded: run folders as tables, windows, arms, and what differs between them."""
