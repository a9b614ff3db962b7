"""The instrument of transitions: what replay's look like, and what the agent makes of them."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.agreement import agreement
from goalscope.diagnostics.instruments.episode_state import episode_state
from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.instruments.lesson_state import lesson_state
from goalscope.diagnostics.instruments.motion import Motion, travel_blocks
from goalscope.diagnostics.instruments.newest_state import newest_state
from goalscope.diagnostics.instruments.place_state import place_state
from goalscope.diagnostics.instruments.policy_state import policy_state
from goalscope.diagnostics.instruments.reward_state import reward_state
from goalscope.diagnostics.instruments.transition_state import (
    redrawn,
    stored_and_seen,
    transition_state,
)
from goalscope.diagnostics.instruments.value_state import GatheredEntropy, value_state
from goalscope.diagnostics.material.replay import dict_buffer, finished_episodes, unaugmented
from goalscope.diagnostics.material.witness import EnvironmentStep, Witness
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, NETWORKS, Family, Metric, prefixed
from goalscope.diagnostics.record.metrics import METRICS
from goalscope.diagnostics.record.transition_metrics import (
    ALONE_DIFFERENCE,
    INPUT_MAX,
    INPUT_OFFSET,
    INTERLEAVING,
    KEY_DIFFERS,
    LATENESS,
    LEVELS_KEPT,
    MODE_DIFFERENCE,
    NEXT_DIFFERS,
    NORMALISED_OFFSET,
    PLACE_R2,
    ROUGHNESS_GAINED,
    STILL_FRACTION,
    TRAVEL,
    TURNED_FRACTION,
)
from goalscope.diagnostics.updates.acting import acting_network
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tracked import learning
from goalscope.probes import (
    ReplayBatch,
    TracedFeatures,
    alone_difference,
    input_statistics,
    levels_kept,
    mode_difference,
    roughness_gained,
    traced_features,
)
from goalscope.probes.isolation import evaluation_mode

ROWS = 128


class TransitionInstrument(Instrument):
    """Measures what transitions look like, where Q lies, and what reaches the networks."""

    name = "transitions"
    moment = Moment.STATE

    def __init__(self, schedule: Schedule) -> None:
        super().__init__(schedule)
        self._motion = Motion()
        self._entropy = GatheredEntropy()
        self._witness = Witness()

    def applies(self, model: BaseAlgorithm) -> bool:
        """Whether the agent keeps a replay buffer of Dict observations."""
        return isinstance(getattr(model, "replay_buffer", None), DictReplayBuffer)

    def state_dict(self) -> dict[str, Any]:
        """Return what Q remembers of entropy; where the weights were is not kept."""
        return self._entropy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self._entropy = GatheredEntropy(**state)

    def watch_step(self, step: EnvironmentStep) -> None:
        """Remember it, to be held against what replay returns of it."""
        self._witness.see(step)

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
            results = {
                **transition_state(model, stored, seen),
                **redrawn(model, context.update),
                **episode_state(model, stored, episodes, critic.goal_keys),
                **reward_state(model, stored),
                **place_state(context.networks, stored, traced),
                **newest_state(
                    model, stored, episodes, critic.goal_keys, critic.block_of, context.update
                ),
                **agreement(
                    model,
                    acting_network(context.networks),
                    self._witness,
                    stored,
                    seen,
                    episodes,
                    context.update,
                ),
                **value_state(
                    context, model, seen, traced[CRITIC].features, episodes, self._entropy
                ),
                **lesson_state(context, model, seen.rewards),
                **_of_inputs(context, stored, seen, traced),
                **_of_modes(context, seen, traced),
            }
            if actor is not None:
                results |= policy_state(actor, traced[ACTOR].features, context.update)
        return results | self._motion.measure(context)

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write."""
        name_of = context.networks[CRITIC].block_of
        images, normalised = set[str](), set(map(name_of, _normalised(context.model)))
        travels: dict[str, None] = {}
        encoded: dict[str, None] = {}
        shown: set[str] = set()
        for network in learning(context.networks):
            images |= set(map(name_of, network.image_keys))
            shown |= {block.name for block in network.image_blocks}
            normalised |= {b.name for b in network.blocks if not b.identity} - images
            travels |= dict.fromkeys(travel_blocks(network))
            encoded |= dict.fromkeys(block.name for block in network.blocks)
        space = context.model.observation_space
        assert isinstance(space, spaces.Dict)  # view_networks checked
        observed = list(map(name_of, space.spaces))
        blocks: dict[Metric, list[str]] = dict.fromkeys(
            (KEY_DIFFERS, NEXT_DIFFERS, INPUT_OFFSET), observed
        )
        blocks |= dict.fromkeys(
            (
                INTERLEAVING,
                STILL_FRACTION,
                LATENESS,
                TURNED_FRACTION,
                INPUT_MAX,
                LEVELS_KEPT,
                ROUGHNESS_GAINED,
            ),
            sorted(images),
        )
        blocks |= {MODE_DIFFERENCE: list(encoded), ALONE_DIFFERENCE: list(encoded)}
        blocks |= {NORMALISED_OFFSET: sorted(normalised)}
        blocks |= {TRAVEL: list(travels), PLACE_R2: sorted(images | shown)}
        return [
            metric.key(owner, block)
            for metric in METRICS
            if metric.family is Family.TRANSITIONS
            for owner in metric.owners
            if owner not in NETWORKS or owner in context.networks
            for block in blocks.get(metric, (None,))
        ]


def _of_inputs(
    context: Context,
    stored: ReplayBatch,
    seen: DictReplayBufferSamples,
    traced: Mapping[str, TracedFeatures],
) -> dict[str, Tensor]:
    normalised = _unclipped(context, stored)
    results: dict[str, Tensor] = {}
    for name, one in traced.items():
        network = context.networks[name]
        values = input_statistics(network, one, normalised)
        values |= levels_kept(network, one, seen.observations)
        values |= roughness_gained(network, one, seen.observations)
        results |= prefixed(Family.TRANSITIONS, values, name)
    return results


def _of_modes(
    context: Context, seen: DictReplayBufferSamples, traced: Mapping[str, TracedFeatures]
) -> dict[str, Tensor]:
    results: dict[str, Tensor] = {}
    for name, one in traced.items():
        network = context.networks[name]
        with evaluation_mode(network.module):
            values = alone_difference(network, seen.observations, one.features)
        values |= mode_difference(network, seen.observations, one.features)
        results |= prefixed(Family.TRANSITIONS, values, name)
    return results


def _unclipped(context: Context, stored: ReplayBatch) -> dict[str, Tensor]:
    """Return what VecNormalize makes of its keys before it clips them, float (B, n) each."""
    env, name_of = context.model._vec_normalize_env, context.networks[CRITIC].block_of
    found = {}
    for key in _normalised(context.model):
        assert env is not None  # it normalises them
        statistics = env.obs_rms[key] if isinstance(env.obs_rms, dict) else env.obs_rms
        values = stored.observations[name_of(key)]
        mean, variance = (
            torch.as_tensor(part, device=values.device)
            for part in (statistics.mean, statistics.var)
        )
        found[key] = ((values - mean) / (variance + env.epsilon).sqrt()).flatten(1)
    return found


def _normalised(model: BaseAlgorithm) -> Collection[str]:
    """Return the keys that VecNormalize normalises."""
    env = model._vec_normalize_env
    return () if env is None or not env.norm_obs else env.norm_obs_keys or ()
