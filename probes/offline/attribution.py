"""How much of Q and of the action each block accounts for: Shapley, integrated gradients, ablation.

Images are encoded once. Every coalition, step and ablation replaces columns of the fused features
and runs the heads alone. captum is an extra, imported where it is asked: it brings pyplot along,
more than half a second of every command that trains.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from goalscope.extras import require_extra
from goalscope.probes.blocks import ACTION, GOAL, goal_columns
from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.networks import Network
from goalscope.probes.swaps import ACTION_RANGE, GoalBatch, derangement, replaced, rms, std

LARGEST_GAME = 8  # blocks; captum walks all k! orders: 3 s for 7 blocks, 25 s for 8


def shapley_shares(
    actor: Network, critic: Network, batch: GoalBatch, generator: np.random.Generator
) -> dict[str, Tensor]:
    """Return each block's share of the Shapley values of Q and of the deterministic action.

    `shapley_share_k = mean abs(phi_k) / sum_j mean abs(phi_j)`, means over the batch (and the
    action's components), phi from `shapley_values`. For `goal` the values of the two goal vectors
    are summed in each observation before the magnitude is taken, and count as one block: phi stays
    complete, and what the two cancel is not counted. A game with the two as one player differs only
    in what both of them and a third block do together.

    Source: Shapley, "A value for n-person games", 1953; Lundberg & Lee, "A unified approach to
    interpreting model predictions", 2017.

    Args:
        actor: the actor.
        critic: the critic; Q is the smallest of its Q-values.
        batch: where to measure; B >= 2.
        generator: of the derangement, one for both networks.

    Returns:
        "<network>.<block>.shapley_share" -> scalar in 0..1, `action` among the critic's blocks;
        NaN where no block makes any difference.

    Raises:
        ValueError: fewer than two observations, or a network of more than 8 blocks.
    """
    order = derangement(len(batch.actions), generator).to(batch.actions.device)
    results: dict[str, Tensor] = {}
    for network in (actor, critic):
        results |= _shares(network, shapley_values(network, batch, order), "shapley_share")
    return results


def shapley_values(network: Network, batch: GoalBatch, order: Tensor) -> dict[str, Tensor]:
    """Return the exact Shapley values of the blocks, for every observation.

    The players are the network's blocks and, for a critic, the action. A player that is absent has
    the columns of another observation, row `order` of the batch. Each of the 2^k coalitions is
    evaluated once.

    Args:
        network: a critic, for the smallest Q; or the actor, for its deterministic action.
        batch: where to measure.
        order: int64 (B,), whose columns stand in.

    Returns:
        block -> float (B,) in units of return, or (B, A) in action units. Summed over the blocks:
        the output of the observation less that of its stand-in.

    Raises:
        ValueError: more than 8 blocks.
    """
    with torch.no_grad(), evaluation_mode(network.module):
        game = _game(network, batch, {b.name: b.columns for b in network.blocks})
        if len(game.players) > LARGEST_GAME:
            raise ValueError(
                f"exact Shapley values of {len(game.players)} blocks take too long; "
                f"goalscope computes them for at most {LARGEST_GAME}"
            )
        return game.play(_captum().ShapleyValues, game.inputs[order])


def feature_ablation(actor: Network, critic: Network, batch: GoalBatch) -> dict[str, Tensor]:
    """Return how much Q and the action change when a block is held at its batch mean.

    Args:
        actor: the actor.
        critic: the critic; Q is the smallest of its Q-values.
        batch: where to measure.

    Returns:
        "critic.<block>.q_ablation": RMS over the batch of the change, in standard deviations of Q,
        `goal` and `action` among the blocks; "actor.<block>.action_ablation": RMS over batch and
        components, over the action range of 2, in 0..1.
    """
    captum = _captum()
    results = {}
    with torch.no_grad(), evaluation_mode(actor.module), evaluation_mode(critic.module):
        for network, name in ((actor, "action_ablation"), (critic, "q_ablation")):
            game = _game(network, batch, network.columns)
            scale = std(game.head(game.inputs)) if network is critic else ACTION_RANGE
            mean = game.inputs.mean(dim=0).expand_as(game.inputs)
            for block, change in game.play(captum.FeatureAblation, mean).items():
                results[f"{network.name}.{block}.{name}"] = rms(change) / scale
    return results


def integrated_gradients(critic: Network, batch: GoalBatch) -> dict[str, Tensor]:
    """Return each block's share of the integrated gradients of Q at the fused features.

    `mean abs(ig_k) / sum_j mean abs(ig_j)`, means over the batch, ig from
    `integrated_gradient_values`; `goal` as in `shapley_shares`.

    Source: Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", 2017.

    Returns:
        "critic.<block>.integrated_gradient_share" -> scalar in 0..1; the action is no fused
        feature and has none. NaN where Q depends on no feature.
    """
    values = integrated_gradient_values(critic, batch)
    return _shares(critic, values, "integrated_gradient_share")


def integrated_gradient_values(
    critic: Network, batch: GoalBatch, steps: int = 50
) -> dict[str, Tensor]:
    """Return the integrated gradients of Q from the batch mean of the fused features.

    `ig_k = sum over u in k of (z_u - mean_u) * integral of dQ/dz_u` along the straight line from
    the batch mean to z, the action held: the layer attribution at the features extractor's output.

    Args:
        critic: the critic; Q is the smallest of its Q-values.
        batch: where to measure.
        steps: points of the Gauss-Legendre rule; B times as many rows pass the heads at once.

    Returns:
        block -> float (B,) in units of return. Summed over the blocks: Q(z, a) - Q(mean z, a), up
        to the quadrature's error.
    """
    with torch.no_grad(), evaluation_mode(critic.module):
        features = critic.fused_features(batch.observations)
        mean = features.mean(dim=0, keepdim=True)
        per_unit = (
            _captum()
            .IntegratedGradients(critic.q_values)
            .attribute(features, mean, additional_forward_args=(batch.actions,), n_steps=steps)
        )
    return {block.name: per_unit[:, block.columns].sum(dim=1) for block in critic.blocks}


def _captum() -> Any:
    """Return captum's methods.

    Raises:
        MissingExtra: it is not installed.
    """
    require_extra("probes")
    from captum import attr

    return attr


@dataclass(frozen=True, eq=False)
class _Game:
    """A network's heads as a game between blocks.

    Attributes:
        players: block -> columns of the inputs; they may overlap.
        inputs: float (B, D) or (B, D + A), what the heads read.
        head: such inputs -> (B,) or (B, A).
    """

    players: Mapping[str, Tensor]
    inputs: Tensor
    head: Callable[[Tensor], Tensor]

    def play(self, method: type, absent: Tensor) -> dict[str, Tensor]:
        """Return block -> (B,) or (B, A): what one of captum's perturbation methods ascribes.

        To captum the game has one example, of as many features as there are players: 1 present, 0
        absent. That lets it visit a coalition often and the heads be run on it once.

        Args:
            method: FeatureAblation or ShapleyValues.
            absent: like the inputs, the columns of players that are absent.
        """
        known: dict[tuple[bool, ...], Tensor] = {}

        def worth(presence: Tensor) -> Tensor:
            coalition = tuple(presence[0].bool().tolist())
            if coalition not in known:
                inputs = self.inputs
                for columns, there in zip(self.players.values(), coalition, strict=True):
                    if not there:
                        inputs = replaced(inputs, columns, absent[:, columns])
                known[coalition] = self.head(inputs)[None]
            return known[coalition]

        present = torch.ones(1, len(self.players), device=self.inputs.device)
        values = method(worth).attribute(present, baselines=torch.zeros_like(present))
        shape = (*worth(present).shape[1:], len(self.players))
        return dict(zip(self.players, values.view(shape).unbind(dim=-1), strict=True))


def _game(network: Network, batch: GoalBatch, columns: Mapping[str, Tensor]) -> _Game:
    """Return the game of the blocks with those columns and, for a critic, the action."""
    features = network.fused_features(batch.observations)
    if network.name == "actor":
        return _Game(columns, features, network.mean_actions)
    width = features.shape[1]
    inputs = torch.cat([features, batch.actions], dim=1)
    action = torch.arange(width, inputs.shape[1], device=inputs.device)
    return _Game(
        {**columns, ACTION: action},
        inputs,
        lambda rows: network.q_values(rows[:, :width], rows[:, width:]),
    )


def _shares(network: Network, values: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return "<network>.<block>.<name>" -> mean magnitude over the sum of all blocks'."""
    sizes = {block: value.abs().mean() for block, value in values.items()}
    total = torch.stack(list(sizes.values())).sum()
    shares = {block: size / total for block, size in sizes.items()}
    goals = [block.name for block in network.blocks if goal_columns([block]) is not None]
    if goals:
        together = torch.stack([values[block] for block in goals]).sum(dim=0).abs().mean()
        rest = [size for block, size in sizes.items() if block not in goals]
        shares[GOAL] = together / torch.stack([together, *rest]).sum()
    return {f"{network.name}.{block}.{name}": share for block, share in shares.items()}
