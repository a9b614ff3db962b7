"""Every algorithm in every wrapper: whether what is seen is right, and whether watching is free."""
