"""What spoils environment, replay, extractor and agent: the faults themselves."""
