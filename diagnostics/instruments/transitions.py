"""The instrument of transitions: what replay's look like, and what the agent makes of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.instruments.transition_state import stored_and_seen, transition_state
from goalscope.diagnostics.instruments.value_state import GatheredEntropy, value_state
from goalscope.diagnostics.material.replay import dict_buffer, finished_episodes, unaugmented
from goalscope.diagnostics.record.keys import (
    ACTOR,
    CRITIC,
    CRITIC_TARGET,
    NETWORKS,
    Family,
    prefixed,
)
from goalscope.diagnostics.record.metrics import (
    ACTION_SPREAD,
    COLOUR_OFFSET,
    INPUT_MAX,
    METRICS,
    NORMALISED_OFFSET,
    SATURATED_ACTIONS,
    TARGET_MOTION,
)
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.probes import (
    Network,
    TracedFeatures,
    action_spread,
    colour_offset,
    distance_moved,
    input_statistics,
    saturated_fraction,
    traced_features,
)

ROWS = 128
MOTION_UPDATES = 10  # a target may follow the critic every few updates only


class TransitionInstrument(Instrument):
    """Measures what transitions look like, where Q lies, and what reaches the networks."""

    name = "transitions"
    moment = Moment.STATE

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule)
        self._weights: _Weights | None = None
        self._entropy = GatheredEntropy()

    def applies(self, model: BaseAlgorithm) -> bool:
        """Whether the agent keeps a replay buffer of Dict observations."""
        return isinstance(getattr(model, "replay_buffer", None), DictReplayBuffer)

    def state_dict(self) -> dict[str, Any]:
        """Return what Q remembers of entropy; where the weights were is not kept."""
        return self._entropy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self._entropy = GatheredEntropy(**state)

    def measure(self, context: Context) -> dict[str, Tensor]:
        """Return the metrics of a replay batch, of replay's episodes, and of the agent on them."""
        model = context.model
        assert isinstance(model, OffPolicyAlgorithm)  # it has a replay buffer
        critic, actor = context.networks[CRITIC], context.networks.get(ACTOR)
        buffer = dict_buffer(model)
        episodes = finished_episodes(buffer)
        with unaugmented(buffer):
            stored, seen = stored_and_seen(model, ROWS, context.update, critic.block_of)
            traced = {
                network.name: traced_features(network, seen.observations)
                for network in (critic, actor)
                if network is not None
            }
            achieved_key = critic.goal_keys[0] or ""
            results = {
                **transition_state(model, stored, seen, episodes, achieved_key),
                **value_state(
                    context, model, seen, traced[CRITIC].features, episodes, self._entropy
                ),
                **_of_inputs(context, traced),
                **_of_acting(context, seen.observations),
            }
        if actor is None:  # the greedy agent's target is a copy, made every so many steps
            return results
        return {
            **results,
            **_of_actions(actor, traced[ACTOR].features),
            **self._of_target(context),
        }

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write."""
        name_of = context.networks[CRITIC].block_of
        images, normalised = set[str](), set(map(name_of, _normalised(context.model)))
        for network in context.networks.values():
            images |= set(map(name_of, network.image_keys))
            normalised |= {b.name for b in network.blocks if not b.identity} - images
        blocks = dict.fromkeys((INPUT_MAX, COLOUR_OFFSET), sorted(images))
        blocks |= {NORMALISED_OFFSET: sorted(normalised)}
        return [
            metric.key(owner, block)
            for metric in METRICS
            if metric.family is Family.TRANSITIONS
            for owner in metric.owners
            if owner not in NETWORKS or owner in context.networks
            for block in blocks.get(metric, [None])
        ]

    def _of_target(self, context: Context) -> dict[str, Tensor]:
        if CRITIC_TARGET not in context.networks:
            return {}
        before = self._weights
        if before is not None and context.update - before.update < MOTION_UPDATES:
            return {}
        self._weights = _Weights.of(context)
        if before is None:
            return {}
        target, critic = (
            distance_moved(weights, context.networks[name].module)
            for name, weights in before.copies.items()
        )
        return {TARGET_MOTION.key(): target / critic} if bool(critic != 0) else {}


@dataclass(frozen=True)
class _Weights:
    """Copies of the target's and the critic's parameters at an update."""

    update: int
    copies: dict[str, list[Tensor]]

    @classmethod
    def of(cls, context: Context) -> "_Weights":
        modules = {name: context.networks[name].module for name in (CRITIC_TARGET, CRITIC)}
        copies = {n: [p.detach().clone() for p in m.parameters()] for n, m in modules.items()}
        return cls(context.update, copies)


def _of_inputs(context: Context, traced: Mapping[str, TracedFeatures]) -> dict[str, Tensor]:
    normalised = _normalised(context.model)
    results: dict[str, Tensor] = {}
    for name, one in traced.items():
        values = input_statistics(context.networks[name], one, normalised)
        results |= prefixed(Family.TRANSITIONS, values, name)
    return results


def _of_acting(context: Context, replayed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return how what the agent acts on now differs from what it learns from."""
    shown, critic = context.model._last_obs, context.networks[CRITIC]
    if not isinstance(shown, dict):  # a loaded agent that has not begun to act
        return {}
    return {
        COLOUR_OFFSET.key("acting", critic.block_of(key)): colour_offset(
            torch.as_tensor(shown[key], device=replayed[key].device), replayed[key]
        )
        for key in critic.image_keys
    }


def _normalised(model: BaseAlgorithm) -> Collection[str]:
    """Return the keys that VecNormalize normalises."""
    env = model._vec_normalize_env
    return () if env is None or not env.norm_obs else env.norm_obs_keys or ()


def _of_actions(actor: Network, features: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        actions = actor.mean_actions(features)
    return {
        SATURATED_ACTIONS.key(): saturated_fraction(actions),
        ACTION_SPREAD.key(ACTOR): action_spread(actions),
    }
