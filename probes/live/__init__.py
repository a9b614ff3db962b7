"""Asked of a run while it trains, on the batch of a real update or on the probe set."""
