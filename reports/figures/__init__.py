"""What is drawn: figures of runs and of arms."""
