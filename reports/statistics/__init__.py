"""Numbers over seeds: intervals, tests, and the outcomes they lead to."""
