"""The `goalscope` command."""

BAD_INPUT = 2  # the exit codes
INTERRUPTED = 130
