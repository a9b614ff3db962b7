"""What can be concluded of a run or a study that still goes on: from watching to the conclusions.

Reads the record, as reports do, and never the agent. Loaded only by runs and studies that ask for
it, and by pages of these.
"""
