"""A long training that is watched at every update: memory stays flat, and no hook is left."""

import gc
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback

from benchmarks.chaos.row import Row
from goalscope.diagnostics import ModalityDiagnostics
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings

_SETTLED = 300  # updates after which memory counts; replay is full by then
_LEAST = 500  # updates that are looked at, at least
_EVERY = 25  # updates between looks
_MOST = 4.0  # MiB for 1,000 updates; a tensor of each update would be 40


@dataclass
class Grown:
    """What a process held while it trained.

    Attributes:
        updates: of each look.
        mebibytes: that it held then.
        hooks: left on the agent at the end.
        failures: measurements that failed.
    """

    updates: list[int] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)
    hooks: int = 0
    failures: int = 0

    @property
    def for_1_000_updates(self) -> float:
        """Mebibytes that 1,000 updates add, by a line through all looks."""
        return 1_000 * float(np.polyfit(self.updates, self.mebibytes, 1)[0])


class _Looks(BaseCallback):
    """Notes what the process holds, and ends training when the time is up."""

    def __init__(self, grown: Grown, deadline: float) -> None:
        super().__init__()
        self._grown, self._deadline = grown, deadline
        self._process = psutil.Process()

    def _on_step(self) -> bool:
        update = vars(self.model)["_n_updates"]
        if update >= _SETTLED and update % _EVERY == 0:
            gc.collect()
            self._grown.updates.append(update)
            self._grown.mebibytes.append(self._process.memory_info().rss / 2**20)
        return time.monotonic() < self._deadline or update < _SETTLED + _LEAST


def watched(budget_s: float) -> Grown:
    """Return what a process held that trained for so many seconds."""
    torch.set_num_threads(1)
    grown = Grown()
    env = make_environment(EnvironmentSettings(id="PixelPoint-v0", image_size=36))
    agent = SAC(
        "MultiInputPolicy",
        env,
        learning_starts=60,
        batch_size=8,
        buffer_size=200,
        replay_buffer_class=HerReplayBuffer,
        policy_kwargs={"net_arch": [8]},
        seed=0,
    )
    with tempfile.TemporaryDirectory() as place:
        watch = ModalityDiagnostics(
            Path(place) / "run", features_every=1, gradients_every=1, sensitivity_every=50
        )
        looks = _Looks(grown, time.monotonic() + budget_s)
        agent.learn(1_000_000, callback=[watch, looks])
    grown.hooks, grown.failures = _hooks(agent), sum(watch.failures.values())
    env.close()
    return grown


def trials(budget_s: float) -> list[Row]:
    """Return the row of a training in a process of its own, for as long as there is time."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        grown = pool.submit(watched, budget_s).result()
    wrong = [grown.for_1_000_updates > _MOST, grown.hooks > 0, grown.failures > 0]
    return [
        Row(
            "memory, hooks and measurements of a training that is watched at every update",
            grown.updates[-1],
            sum(wrong),
            f"{grown.mebibytes[0]:.0f} MiB after {grown.updates[0]:,} updates, "
            f"{grown.mebibytes[-1]:.0f} after {grown.updates[-1]:,} ({grown.for_1_000_updates:+.2f}"
            f" for 1,000); {grown.hooks} hooks left, {grown.failures} measurements failed",
        )
    ]


def _hooks(agent: SAC) -> int:
    """Return how many hooks there are on an agent's modules and optimisers."""
    optimizers = (agent.actor.optimizer, agent.critic.optimizer)
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) for m in agent.policy.modules()
    ) + sum(
        len(o._optimizer_step_pre_hooks) + len(o._optimizer_step_post_hooks) for o in optimizers
    )
