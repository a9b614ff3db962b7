"""A row of the matrix of docs/reliability.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What one test came to.

    Attributes:
        test: what is made to go wrong, and what must then hold.
        tries: how often.
        failures: how often it did not hold.
        evidence: what was seen, and what the first failure was.
    """

    test: str
    tries: int
    failures: int
    evidence: str
