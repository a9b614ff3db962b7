"""Shared by all tests: OpenGL chosen before mujoco is imported, one thread, small real agents."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch

from goalscope.training.envs.opengl import select_backend

select_backend()

from stable_baselines3 import SAC, HerReplayBuffer  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402

from goalscope.diagnostics.instruments import goal_sensitivity, transitions  # noqa: E402
from goalscope.diagnostics.material import labelled_set, run_probe_set  # noqa: E402
from goalscope.diagnostics.material.probe_set import gather_probe_set  # noqa: E402
from goalscope.reports.figures.plot import draw  # noqa: E402
from goalscope.reports.pages import comparison as comparison_page  # noqa: E402
from goalscope.reports.pages import probes as probe_page  # noqa: E402
from goalscope.reports.pages import run as run_page  # noqa: E402
from goalscope.training.envs.making import make_environment  # noqa: E402
from goalscope.training.envs.settings import EnvironmentSettings  # noqa: E402
from goalscope.training.probing import checkpoints  # noqa: E402
from goalscope.training.runs import run as run_module  # noqa: E402

torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the commands that tests start
# A shell's background jobs ignore Ctrl-C, and so would every command that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and a test would wait for ever

STATES = 24  # that instruments ask about, for 128: the same is measured, and a run costs half
FEWER: tuple[tuple[Any, str, Any], ...] = (
    (goal_sensitivity, "REPLAY_ROWS", STATES),
    (transitions, "ROWS", STATES),
    (run_probe_set, "_ROWS", STATES),
    (run_module, "gather_probe_set", partial(gather_probe_set, size=STATES)),
)
AS_SHIPPED = [(where, name, getattr(where, name)) for where, name, _ in FEWER]
for where, name, fewer in FEWER:
    setattr(where, name, fewer)

POINT = EnvironmentSettings(id="PixelPoint-v0", image_size=36)
REACH = EnvironmentSettings(id="FetchReach-v4", image_size=36)
# Half a minute each, or more.
LONG = ("test_run.py", "test_cluster.py", "test_study.py", "test_matrix.py", "test_code_blocks.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts long files first: a file is one worker's, and the last should keep nobody waiting."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture
def make_agent() -> Iterator[Callable[..., SAC]]:
    """Return a maker of SAC + HER agents from 36x36 pixels, closed afterwards."""
    made: list[SAC] = []

    def make(
        cls: type[SAC] = SAC, environment: EnvironmentSettings = POINT, **settings: Any
    ) -> SAC:
        env = make_vec_env(lambda: make_environment(environment), n_envs=1, seed=0)
        defaults = {
            "replay_buffer_class": HerReplayBuffer,
            "learning_starts": 60,
            "batch_size": 32,
            "buffer_size": 200,
            "seed": 0,
        }
        policy = {"net_arch": [16]} | settings.pop("policy_kwargs", {})  # wide heads cost seconds
        made.append(cls("MultiInputPolicy", env, policy_kwargs=policy, **(defaults | settings)))
        return made[-1]

    yield make
    for agent in made:
        agent.get_env().close()


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the first figure of a page only, for tests of its words: all cost seconds."""
    for page in (run_page, comparison_page, probe_page):
        monkeypatch.setattr(page, "draw", lambda plots, *where: draw(plots[:1], *where))


@pytest.fixture(scope="module")
def all_states() -> Iterator[None]:
    """Has this process ask about as many states as others do, whose records are held to its."""
    with pytest.MonkeyPatch.context() as patch:
        for where, name, shipped in AS_SHIPPED:
            patch.setattr(where, name, shipped)
        yield


@pytest.fixture(scope="module")
def few_walks() -> Iterator[None]:
    """Gathers labelled sets of a dozen walks, for tests of what is done with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelled_set, "_WALKS", 12)
        checkpoints._labelled.cache_clear()
        yield
    checkpoints._labelled.cache_clear()
