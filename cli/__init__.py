"""The `goalscope` command."""

FOUND = 1  # the exit codes: what --fail-on names was found
BAD_INPUT = 2
