"""Which faults there are: what is wrong, where it sits, and the check that should name it."""
