"""A learning rate that falls at the end of a run, so that what was learnt settles."""

from dataclasses import dataclass

FALLING = 1 / 5  # of the run, at its end
LEAST = 0.1  # of the rate, at the very end


@dataclass(frozen=True)
class Annealed:
    """A schedule of SB3: constant, then linear down to a tenth over the last fifth of a run.

    A run that is given more steps later on begins anew at the rate that its place in them asks for.

    Attributes:
        rate: while it is constant.
    """

    rate: float

    def __call__(self, remaining: float) -> float:
        """Return the rate where a fraction of the run, 1 to 0, remains."""
        return self.rate * max(LEAST, LEAST + (1 - LEAST) * min(1.0, remaining / FALLING))

    @property
    def __name__(self) -> str:
        """What a record says of it."""
        return f"{self.rate:g}, falling to {LEAST * self.rate:g} over the last fifth of the run"
