"""Agents with a fault in them, each made and filled once for all files."""

from collections.abc import Iterator

import pytest
from helpers.faulty import MakePlanted, planting
from stable_baselines3 import SAC

from benchmarks.planted_faults.agent import make_agent
from benchmarks.planted_faults.grounds import STARTS


@pytest.fixture(scope="session")
def make_planted() -> Iterator[MakePlanted]:
    """Return a maker of untrained agents with a fault in them."""
    made: dict[str, SAC] = {}

    def make(name: str) -> SAC:
        if name not in made:
            made[name] = make_agent(planting(name), seed=0, total_steps=STARTS)
        return made[name]

    yield make
    for model in made.values():
        model.get_env().close()


@pytest.fixture(scope="session")
def make_filled(make_planted) -> MakePlanted:
    """Return a maker of such agents whose replay holds whole episodes."""

    def make(name: str) -> SAC:
        model = make_planted(name)
        if not model.replay_buffer.pos and not model.replay_buffer.full:
            model.learn(STARTS)
        return model

    return make
