"""What the critic makes of a replay batch: Q, TD error and reward, real and relabelled apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.networks import Network


@dataclass(frozen=True)
class ReplayBatch:
    """Transitions as an SB3 buffer returns them.

    Attributes:
        observations: key -> (B, ...).
        next_observations: key -> (B, ...).
        actions: float (B, A), scaled to [-1, 1]; of discrete actions which, (B, 1).
        rewards: float (B,).
        dones: float (B,), 1 where the episode truly ended (a time limit does not count).
        relabelled: bool (B,), whether hindsight replaced the goal.
    """

    observations: Mapping[str, Tensor]
    next_observations: Mapping[str, Tensor]
    actions: Tensor
    rewards: Tensor
    dones: Tensor
    relabelled: Tensor


def replay_values(
    networks: Mapping[str, Network],
    batch: ReplayBatch,
    discount: float,
    entropy_coefficient: Tensor | float,
) -> dict[str, Tensor]:
    """Return Q, TD target, TD error and reward of every transition, each float (B,).

    The target is SAC's, `r + (1 - done) gamma (min Q_target(s', a') - alpha log pi(a'|s'))`, with
    a' drawn from the policy (torch's global generator: isolate it); for an actor without a density
    (TD3) a' is its deterministic action and the entropy term is absent, and without an actor (DQN)
    a' is the target's best action.

    Source: Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", 2018, eq. 5-6.
    """
    actor, critic, target = networks.get("actor"), networks["critic"], networks["critic_target"]
    with (
        torch.no_grad(),
        evaluation_mode(critic.module),
        evaluation_mode((actor or critic).module),
    ):
        q_values = critic.q_values(critic.fused_features(batch.observations), batch.actions)
        next_actions: Tensor | None = None
        log_density: Tensor | float = 0.0
        if actor is not None:
            next_features = actor.fused_features(batch.next_observations)
            next_actions, log_density = actor.drawn_actions(next_features)
        next_q = target.q_values(target.fused_features(batch.next_observations), next_actions)
        targets = batch.rewards + (1 - batch.dones) * discount * (
            next_q - entropy_coefficient * log_density
        )
    return {
        "q": q_values,
        "td_target": targets,
        "td_error": targets - q_values,
        "reward": batch.rewards,
    }


def split_by_relabelling(values: Mapping[str, Tensor], relabelled: Tensor) -> dict[str, Tensor]:
    """Return "critic.real.<name>" and "critic.relabelled.<name>" for q, td_error and reward.

    Means over either kind of transition; the TD error as root mean square, since its sign cancels.
    A kind that the batch does not contain is absent.

    Args:
        values: what `replay_values` returned.
        relabelled: bool (B,), at least one of the two kinds present.
    """
    results = {}
    for kind, mask in (("real", ~relabelled), ("relabelled", relabelled)):
        if not bool(mask.any()):
            continue
        results[f"critic.{kind}.q"] = values["q"][mask].mean()
        results[f"critic.{kind}.td_error"] = values["td_error"][mask].square().mean().sqrt()
        results[f"critic.{kind}.reward"] = values["reward"][mask].mean()
    return results
