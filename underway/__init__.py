"""What can be concluded of a run or study that still goes on: the way from watching to the conclusions.

Reads the record, as reports do, and never the agent. Loaded only by runs that ask for it.
"""
