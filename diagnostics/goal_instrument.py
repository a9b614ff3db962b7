"""The instrument of goal sensitivity: on the fixed probe set, and on a replay batch."""

from collections.abc import Mapping

import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.isolation import isolated_generators
from goalscope.diagnostics.probe_set import ProbeSet, probe_set_from_replay
from goalscope.diagnostics.schedule import Schedule
from goalscope.probes import (
    DISTANCE_BINS,
    REPLAY_METRICS,
    GoalBatch,
    Network,
    ReplayBatch,
    example_goal_batch,
    goal_sensitivity,
    replay_values,
    split_by_relabelling,
)

REPLAY_ROWS = 128
PROBE_ROWS = 128  # as many states as a gathered probe set has
FAMILIES = ("sensitivity", "sensitivity_replay")
REPLAY_STATE = ("critic.target_spread", "critic.q_spread", "relabelled.unmoved_fraction")
EPISODE_ROWS = 256
MOVED = 0.01  # metres an object must have moved in an episode that can teach pushing


class GoalInstrument:
    """Measures how much the critic and the actor listen to the goal.

    Args:
        schedule: when it is due.
        probe_set: the fixed observations; None takes them from the replay buffer at the first
            measurement and keeps them.
    """

    name = "goal_sensitivity"

    def __init__(self, schedule: Schedule, probe_set: ProbeSet | None) -> None:
        self.schedule = schedule
        self.probe_set = probe_set

    def metric_keys(self, networks: Mapping[str, Network]) -> list[str]:
        """Return every record key it can produce, from a rehearsal on random numbers."""
        actor, critic = networks["actor"], networks["critic"]
        batch = example_goal_batch(critic)
        values = dict.fromkeys(goal_sensitivity(actor, critic, batch, np.random.default_rng(0)))
        if any(".q_at_distance_" in key for key in values):  # a bin may be empty now and not later
            bins = range(1, DISTANCE_BINS + 1)
            values |= dict.fromkeys(f"critic.goal.q_at_distance_{number}" for number in bins)
        kinds = [f"critic.{k}.{n}" for k in ("real", "relabelled") for n in REPLAY_METRICS]
        return [
            *(f"{family}/{key}" for family in FAMILIES for key in values),
            *(f"{FAMILIES[1]}/{key}" for key in kinds),
            *(f"training/{name}" for name in REPLAY_STATE),
        ]

    def measure(
        self, model: OffPolicyAlgorithm, networks: Mapping[str, Network], update: int
    ) -> dict[str, Tensor]:
        """Return record key -> scalar tensor; every shared generator is left as it was."""
        buffer = model.replay_buffer
        assert buffer is not None  # there has been an update
        actor, critic = networks["actor"], networks["critic"]
        with isolated_generators(seed=update):
            if self.probe_set is None:
                rows = buffer.sample(PROBE_ROWS, env=model._vec_normalize_env)
                self.probe_set = probe_set_from_replay(_with_goals(rows))
            sample = _with_goals(buffer.sample(REPLAY_ROWS, env=model._vec_normalize_env))
            fixed = self.probe_set.batch(model.device)
            drawn = GoalBatch(sample.observations, sample.actions, fixed.goals)
            results: dict[str, Tensor] = {}
            # One derangement for the whole run: a change between updates is the network's.
            for family, batch in zip(FAMILIES, (fixed, drawn), strict=True):
                values = goal_sensitivity(actor, critic, batch, np.random.default_rng(0))
                results |= {f"{family}/{key}": value for key, value in values.items()}
            if "critic_target" in networks:
                results |= _replay_state(model, networks, buffer, sample, update)
        return results


def _replay_state(
    model: OffPolicyAlgorithm,
    networks: Mapping[str, Network],
    buffer: ReplayBuffer,
    sample: DictReplayBufferSamples,
    update: int,
) -> dict[str, Tensor]:
    batch = ReplayBatch(
        sample.observations,
        sample.next_observations,
        sample.actions,
        sample.rewards.flatten(),
        sample.dones.flatten(),
        relabelled_rows(buffer, len(sample.actions)).to(sample.actions.device),
    )
    values = replay_values(networks, batch, model.gamma, entropy_coefficient(model))
    split = split_by_relabelling(values, batch.relabelled)
    return {
        **{f"{FAMILIES[1]}/{key}": value for key, value in split.items()},
        "training/critic.target_spread": values["td_target"].std(correction=0),
        "training/critic.q_spread": values["q"].std(correction=0),
        **_unmoved(buffer, np.random.default_rng(update)),
    }


def relabelled_rows(buffer: ReplayBuffer, rows: int) -> Tensor:
    """Return which rows of a batch hindsight relabelled, bool (rows,).

    SB3's `HerReplayBuffer.sample` puts the real transitions first and the relabelled ones after.
    """
    relabelled = torch.zeros(rows, dtype=torch.bool)
    if isinstance(buffer, HerReplayBuffer):
        relabelled[rows - int(buffer.her_ratio * rows) :] = True
    return relabelled


def entropy_coefficient(model: OffPolicyAlgorithm) -> float | Tensor:
    """Return SAC's entropy coefficient now, scalar tensor; 0 for agents without one."""
    log_coefficient = getattr(model, "log_ent_coef", None)
    if log_coefficient is not None:
        learnt: Tensor = log_coefficient.detach().exp()
        return learnt.squeeze()
    fixed: float | Tensor = getattr(model, "ent_coef_tensor", 0.0)
    return fixed


def _unmoved(buffer: ReplayBuffer, generator: np.random.Generator) -> dict[str, Tensor]:
    """Return the fraction of relabelled transitions whose episode never moved what is achieved.

    Estimated on as many stored transitions as SB3's default batch holds, drawn as hindsight draws
    them: uniformly from finished episodes. Moved: farther than 1 cm from where the episode began.
    """
    if not isinstance(buffer, HerReplayBuffer):
        return {}
    rows, columns = np.nonzero(buffer.ep_length)
    unmoved = 0
    for choice in generator.integers(len(rows), size=EPISODE_ROWS):
        row, column = rows[choice], columns[choice]
        length, start = buffer.ep_length[row, column], buffer.ep_start[row, column]
        episode = np.arange(start, start + length) % buffer.buffer_size
        goals = buffer.observations["achieved_goal"][episode, column]
        unmoved += np.linalg.norm(goals - goals[0], axis=1).max() <= MOVED
    return {"training/relabelled.unmoved_fraction": torch.tensor(unmoved / EPISODE_ROWS)}


def _with_goals(sample: object) -> DictReplayBufferSamples:
    if not isinstance(sample, DictReplayBufferSamples):
        raise TypeError("goal sensitivity needs a replay buffer of Dict observations")
    return sample
