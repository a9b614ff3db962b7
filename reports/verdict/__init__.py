"""What the numbers say: statistics over seeds, outcomes, links and rivals, in words."""
