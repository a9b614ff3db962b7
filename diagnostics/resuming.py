"""What a run that goes on must know of its record: the schema of what callbacks save.

An instrument that keeps something from one measurement to the next has its line here.
"""

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from goalscope.diagnostics.record.documents import MOST, Count

Last = Annotated[int, Meta(ge=-1, le=MOST)]  # an update; -1 before the first


class EpisodesEnded(TypedDict):
    """Of `TrainingState`: the episodes that ended since it last measured."""

    returns: list[float]
    successes: list[float]


class EntropyGathered(TypedDict):
    """Of `Transitions`: what Q remembers of entropy (`GatheredEntropy`)."""

    update: Count
    coefficient: float | None
    gathered: float


class InstrumentStates(TypedDict, total=False):
    """State by name of the instrument; one that is missing did not apply to the agent."""

    training_state: EpisodesEnded
    transitions: EntropyGathered


class WatchState(TypedDict):
    """Of a callback that records: what its `state_dict` returns, and what was lost since.

    Attributes:
        lines: of the record that still hold.
        failures: instrument -> how often it raised.
        last: instrument -> update at which it last measured.
        answered: instrument -> loss -> update for which it was last seen.
        instruments: what they keep themselves.
        lost_buffer: replay was not saved, and is gathered anew.
        lost_environments: nor were the environments; episodes begin anew.
    """

    lines: Count
    failures: dict[str, Count]
    last: dict[str, Last]
    answered: NotRequired[dict[str, dict[str, Last]]]
    instruments: InstrumentStates
    lost_buffer: NotRequired[bool]
    lost_environments: NotRequired[bool]
