"""The one exception of the reports."""


class ReportError(Exception):
    """A page cannot be made of what was given; the message is one line and names the remedy."""
