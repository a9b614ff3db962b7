"""Asked of a checkpoint, after training."""
