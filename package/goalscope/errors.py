"""The errors that are the user's to mend."""


class UserError(Exception):
    """What was given cannot be used; the message is one line and names the remedy.

    Every error of that kind derives from it, so that the command can tell it from a fault of its
    own without importing what might raise it.
    """


class EnvironmentLost(UserError):
    """The process of an environment died, and training ends; one line that says which, of what."""


class Interrupted(KeyboardInterrupt):
    """A signal asked for an end; the message, where there is one, says how things were left.

    Args:
        number: of the signal.
        message: one line.
    """

    def __init__(self, number: int, message: str = "") -> None:
        super().__init__(message)
        self.number = number


def printable(text: str) -> str:
    """Return a text with a blank for each character that a terminal obeys or no file can hold.

    Control characters, marks that turn the direction of writing, and lone surrogates, which a file
    name brings along that is no UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)
