"""The `goalscope` command."""
