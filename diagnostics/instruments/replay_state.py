"""The state of replay at a measurement: what it shows, and what the critic makes of it."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.diagnostics.material.replay import rewards_of_goals
from goalscope.diagnostics.record.keys import CRITIC, Family, prefixed
from goalscope.diagnostics.record.metrics import (
    OBSERVATION_SPREAD,
    Q_SPREAD,
    REPLAY_Q,
    REPLAY_REWARD,
    REPLAY_TD_ERROR,
    REWARD_MISMATCH,
    TARGET_SPREAD,
    UNMOVED_FRACTION,
)
from goalscope.probes import (
    Network,
    ReplayBatch,
    replay_values,
    split_by_relabelling,
)
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.live.rewards import SAME_REWARD

EPISODE_ROWS = 256
_UNITS = 1_024  # at once: as floats a batch of images takes four times its memory
ASKED_ALONE = 64  # relabelled transitions whose reward is asked for one by one


def replay_keys(blocks: Iterable[str]) -> list[str]:
    """Return every record key that `replay_state` can produce for these blocks of keys."""
    split = (REPLAY_Q, REPLAY_TD_ERROR, REPLAY_REWARD)
    return [
        *(metric.key(CRITIC, kind) for kind in ("real", "relabelled") for metric in split),
        *(m.key() for m in (TARGET_SPREAD, Q_SPREAD, UNMOVED_FRACTION, REWARD_MISMATCH)),
        *(OBSERVATION_SPREAD.key(block=block) for block in blocks),
    ]


def replay_state(
    model: OffPolicyAlgorithm,
    networks: Mapping[str, Network],
    sample: DictReplayBufferSamples,
    update: int,
) -> dict[str, Tensor]:
    """Return record key -> scalar of a batch that was drawn for the purpose.

    Args:
        model: the agent.
        networks: its networks.
        sample: the batch.
        update: seeds what is drawn here.
    """
    buffer = model.replay_buffer
    assert buffer is not None  # the batch came from it
    results = {
        OBSERVATION_SPREAD.key(block=networks[CRITIC].block_of(key)): _spread(values)
        for key, values in sample.observations.items()
    }
    if "critic_target" not in networks:
        return results
    batch = as_probed(sample, relabelled_rows(buffer, len(sample.actions)))
    values = replay_values(networks, batch, model.gamma, entropy_coefficient(model))
    split = split_by_relabelling(values, batch.relabelled)
    return {
        **results,
        **prefixed(Family.SENSITIVITY_REPLAY, split),
        TARGET_SPREAD.key(): values["td_target"].std(correction=0),
        Q_SPREAD.key(): values["q"].std(correction=0),
        **_unmoved(
            buffer, declared_task(model.get_env()).negligible, np.random.default_rng(update)
        ),
        **_reward_mismatch(model, batch),
    }


def as_probed(sample: DictReplayBufferSamples, relabelled: Tensor) -> ReplayBatch:
    """Return a batch as probes read it: with which rows hindsight relabelled, bool (B,)."""
    return ReplayBatch(
        sample.observations,
        sample.next_observations,
        sample.actions,
        sample.rewards.flatten(),
        sample.dones.flatten(),
        relabelled.to(sample.actions.device),
    )


def relabelled_rows(buffer: ReplayBuffer, rows: int) -> Tensor:
    """Return which rows of a batch hindsight relabelled, bool (rows,).

    SB3's `HerReplayBuffer.sample` puts the real transitions first and the relabelled ones after.
    """
    relabelled = torch.zeros(rows, dtype=torch.bool)
    if isinstance(buffer, HerReplayBuffer):
        relabelled[rows - int(buffer.her_ratio * rows) :] = True
    return relabelled


def is_paid_for_entropy(model: BaseAlgorithm) -> bool:
    """Whether an agent's values hold a bonus for entropy, as SAC's do."""
    return hasattr(model, "log_ent_coef") or hasattr(model, "ent_coef_tensor")


def entropy_coefficient(model: BaseAlgorithm) -> float | Tensor:
    """Return SAC's entropy coefficient now, scalar tensor; 0 for agents without one."""
    log_coefficient = getattr(model, "log_ent_coef", None)
    if log_coefficient is not None:
        learnt: Tensor = log_coefficient.detach().exp()
        return learnt.squeeze()
    fixed: float | Tensor = getattr(model, "ent_coef_tensor", 0.0)
    return fixed


def _unmoved(
    buffer: ReplayBuffer, negligible: float | None, generator: np.random.Generator
) -> dict[str, Tensor]:
    """Return the fraction of relabelled transitions whose episode never moved what is achieved.

    Estimated on as many stored transitions as SB3's default batch holds, drawn as hindsight draws
    them: uniformly from finished episodes. Moved: by more than what the task calls negligible, away
    from where the episode began. Absent where no task says what is.
    """
    if not isinstance(buffer, HerReplayBuffer) or negligible is None:
        return {}
    rows, columns = np.nonzero(buffer.ep_length)
    unmoved = 0.0
    for choice in generator.integers(len(rows), size=EPISODE_ROWS):
        row, column = rows[choice], columns[choice]
        length, start = buffer.ep_length[row, column], buffer.ep_start[row, column]
        episode = np.arange(start, start + length) % buffer.buffer_size
        goals = buffer.observations["achieved_goal"][episode, column]
        unmoved += np.linalg.norm(goals - goals[0], axis=1).max() <= negligible
    if getattr(buffer, "moved", None) is not None and unmoved < EPISODE_ROWS:
        unmoved /= 2  # every second transition of a batch is drawn from what moved
    return {UNMOVED_FRACTION.key(): torch.tensor(unmoved / EPISODE_ROWS)}


def _spread(values: Tensor) -> Tensor:
    """Return the spread between observations, RMS over units; images in 0..1."""
    scale = 255 if values.dtype == torch.uint8 else 1
    parts = values.flatten(1).split(_UNITS, dim=1)
    per_unit = torch.cat([spread_per_unit(part.float() / scale) for part in parts])
    return per_unit.square().mean().sqrt()


def _reward_mismatch(model: OffPolicyAlgorithm, batch: ReplayBatch) -> dict[str, Tensor]:
    """Return the fraction of relabelled transitions whose reward is not that of their goal.

    Asked of the environment as SB3's hindsight asks it, of all at once; and of the first alone,
    because what is computed for a batch may not be what it is for one. The larger fraction counts.
    Absent where a wrapper normalises rewards, and where hindsight asks with what the environment
    said of each step: whose steps are in a batch is not known.
    """
    buffer = model.replay_buffer
    if not isinstance(buffer, HerReplayBuffer) or model.get_env() is None:
        return {}
    if buffer.copy_info_dict:
        return {}
    if model._vec_normalize_env is not None or not bool(batch.relabelled.any()):
        return {}
    achieved, desired = (
        observations[key][batch.relabelled].cpu().numpy()
        for observations, key in (
            (batch.next_observations, "achieved_goal"),
            (batch.observations, "desired_goal"),
        )
    )
    stored = batch.rewards[batch.relabelled].cpu().numpy()
    first = slice(ASKED_ALONE)
    wrong = [
        np.abs(true - stored[: len(true)]) > SAME_REWARD
        for true in (
            rewards_of_goals(model, achieved, desired),
            rewards_of_goals(model, achieved[first], desired[first], alone=True),
        )
    ]
    return {REWARD_MISMATCH.key(): torch.tensor(max(rows.mean() for rows in wrong))}
