"""What is due of each loss, and stays so until the loss takes its next step."""

from collections.abc import Collection, Mapping

from goalscope.diagnostics.updates.schedule import Schedule


class Requests:
    """Which losses one instrument is due to see.

    A loss that takes no step at an update, such as a delayed actor's, leaves open what was due of
    it: at its next step its network is still what it was, or is for the first time something else.

    Args:
        losses: which there are.
        schedule: when each loss is due.
        since: the number up to which nothing is open.
        answered: loss -> that number, where it is known of an earlier run.
    """

    def __init__(
        self,
        losses: Collection[str],
        schedule: Schedule,
        since: int,
        answered: Mapping[str, int] | None = None,
    ) -> None:
        self._schedule = schedule
        self.answered = {**dict.fromkeys(losses, since), **(answered or {})}
        self._due = {loss: schedule.next(last) for loss, last in self.answered.items()}

    def open(self, update: int) -> set[str]:
        """Return the losses of which something was due by this update and was not seen since."""
        return {loss for loss, due in self._due.items() if due <= update}

    def answer(self, losses: Collection[str], update: int) -> None:
        """Note that these losses were seen, or could not be, at this update."""
        self.answered |= dict.fromkeys(losses, update)
        self._due |= dict.fromkeys(losses, self._schedule.next(update))
