"""What the pages say, in words."""
