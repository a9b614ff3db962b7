"""The one exception of the reports."""

from goalscope.errors import UserError


class ReportError(UserError):
    """A page cannot be made of what was given; the message is one line and names the remedy."""
