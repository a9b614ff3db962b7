"""How fast something goes and how long it still takes, from what it did lately."""

from collections import deque

_RECENT_SECONDS = 60.0  # over which the speed is taken
_BETWEEN_SECONDS = 1.0


class Pace:
    """The recent speed of what is counted: steps, or updates.

    Args:
        total: the count at which it ends.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen: deque[tuple[float, int]] = deque()  # seconds, count

    def see(self, now: float, done: int) -> None:
        """Note a count at a time in seconds; one that has not grown says nothing new."""
        if self._seen:
            last, before = self._seen[-1]
            if done <= before or now - last < _BETWEEN_SECONDS:
                return
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _RECENT_SECONDS:
            self._seen.popleft()

    @property
    def speed(self) -> float | None:
        """Counts per second over the last minute; None before two were noted."""
        if len(self._seen) < 2:
            return None
        (since, first), (now, done) = self._seen[0], self._seen[-1]
        return (done - first) / (now - since)

    @property
    def left(self) -> float | None:
        """Seconds until the end at this speed; None where the speed is not known."""
        speed = self.speed
        return None if speed is None else max(0, self._total - self._seen[-1][1]) / speed


def duration(seconds: float) -> str:
    """Return a time in words: "40 s", "5 min 20 s", "2 h 10 min", "3 d 4 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3_600)
    return f"{hours // 24} d {hours % 24} h"
