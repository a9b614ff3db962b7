"""The links C1 to C7 of the claim, judged."""
