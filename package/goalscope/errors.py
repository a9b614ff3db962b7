"""The errors that are the user's to mend."""


class UserError(Exception):
    """What was given cannot be used; the message is one line and names the remedy.

    Every error of that kind derives from it, so that the command can tell it from a fault of its
    own without importing what might raise it.
    """
