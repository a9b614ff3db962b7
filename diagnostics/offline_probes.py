"""Every offline probe of one agent as it stands: numbers for its record, arrays for figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor

from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.record import Task
from goalscope.diagnostics.record.keys import Family, parse, prefixed
from goalscope.diagnostics.record.metrics import AUGMENTATION_NOISE, WOULD_BE_AUGMENTATION_NOISE
from goalscope.probes import (
    GoalBatch,
    LabelledSet,
    Network,
    action_alignment,
    augmentation_noise,
    content_readout,
    feature_ablation,
    feature_statistics,
    forward_signal,
    fresh_copy,
    goal_map,
    goal_sensitivity,
    image_saliency,
    integrated_gradients,
    next_goal_prediction,
    shapley_shares,
    value_front,
    view_networks,
)
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.probes.isolation import evaluation_mode, isolated_generators

Images = Mapping[str, Tensor]
_MAP_STATES = 32
_DRAWN_STATES = 4
_FRESH_SEED = 0


@dataclass(frozen=True)
class ProbeMaterial:
    """What probes ask an agent about: the same for every arm, seed and checkpoint of a study.

    Attributes:
        probe_set: states, actions and a grid of goals.
        labelled: states whose truth is known.
        extra: name -> float (N, ...) beside the labelled states: what may be missing.
        task: what the agent was to learn.
        augment: DrQ's augmentation, images to images; None leaves its probe out.
        augmented: whether the agent trains under that augmentation.
    """

    probe_set: ProbeSet
    labelled: LabelledSet
    extra: Mapping[str, np.ndarray]
    task: Task
    augment: Callable[[Images], Images] | None = None
    augmented: bool = False


@dataclass(frozen=True)
class Probed:
    """What the probes found.

    Attributes:
        values: record key -> number.
        arrays: name -> what the figures are drawn from.
    """

    values: dict[str, float]
    arrays: dict[str, np.ndarray]


def probe_agent(policy: BasePolicy, material: ProbeMaterial) -> Probed:
    """Return what every probe finds of an agent; nothing of the agent or of any generator changes.

    Families: `attribution` (Shapley shares, integrated gradients, ablation), `goal_map` (front of
    the value, alignment of actions), `content`, `prediction`, `augmentation` and, on the probe set,
    what the callbacks measure during training: `features`, `signal` and `sensitivity`. What cannot
    be measured on these networks is absent (docs/measurements.md says when).

    Args:
        policy: of an SB3 off-policy actor-critic with a Dict observation.
        material: what it is asked about, observed as the policy observes.

    Raises:
        UnsupportedPolicy: the policy is none of those.
    """
    with isolated_generators(seed=0):
        networks = view_networks(policy)
        actor, critic = networks["actor"], networks["critic"]
        batch = material.probe_set.batch(policy.device)
        attributed = {
            **shapley_shares(actor, critic, batch, np.random.default_rng(0)),
            **integrated_gradients(critic, batch),
            **feature_ablation(actor, critic, batch),
        }
        predicted = next_goal_prediction(critic, material.labelled, material.extra)
        values = _as_recorded(networks, batch)
        values |= prefixed(Family.ATTRIBUTION, attributed)
        values |= prefixed(Family.CONTENT, _content((critic, actor), material))
        values |= prefixed(Family.PREDICTION, predicted)
        labelled = _labelled_batch(material, policy.device)
        mapped, arrays = _map(actor, critic, labelled, material.task)
        values |= prefixed(Family.GOAL_MAP, mapped)
        if material.augment is not None and critic.image_keys:
            values |= _augmentation((critic, actor), batch, material)
        arrays |= _pictures(actor, critic, labelled, material.labelled)
    return Probed({key: float(value) for key, value in values.items()}, arrays)


def _as_recorded(networks: Mapping[str, Network], batch: GoalBatch) -> dict[str, Tensor | float]:
    """Return what the callbacks record of states, here on the probe set."""
    results: dict[str, Tensor | float] = {}
    for name in ("critic", "actor"):
        network = networks[name]
        with torch.no_grad(), evaluation_mode(network.module):
            fused = network.fused_features(batch.observations)
        statistics = feature_statistics(fused, network.columns)
        results |= prefixed(Family.FEATURES, statistics, name)
        weights = [consumer.weight for consumer in network.consumers]
        if weights:
            inputs = torch.cat([fused, batch.actions], dim=1) if network.action_width else fused
            heard = forward_signal(inputs, weights, network.consumer_columns)
            results |= prefixed(Family.SIGNAL, heard, name)
    generator = np.random.default_rng(0)
    sensitivity = goal_sensitivity(networks["actor"], networks["critic"], batch, generator)
    return results | prefixed(Family.SENSITIVITY, sensitivity)


def _content(networks: tuple[Network, ...], material: ProbeMaterial) -> dict[str, float]:
    found: dict[str, float] = {}
    for network in networks:
        if network.image_blocks:
            fresh, task = fresh_copy(network, _FRESH_SEED), material.task
            found |= content_readout(network, fresh, material.labelled, task.key_unit, task.scale)
    return found


def _labelled_batch(material: ProbeMaterial, device: torch.device) -> GoalBatch:
    """Return some labelled states, evenly spaced, with the probe set's grid of goals."""
    rows = _spread(len(material.labelled.actions), _MAP_STATES)
    return GoalBatch(
        {
            key: torch.as_tensor(value[rows], device=device)
            for key, value in material.labelled.observations.items()
        },
        torch.as_tensor(material.labelled.actions[rows], device=device),
        torch.as_tensor(material.probe_set.goals, device=device),
    )


def _map(
    actor: Network, critic: Network, batch: GoalBatch, task: Task
) -> tuple[dict[str, Tensor | float], dict[str, np.ndarray]]:
    found = goal_map(actor, critic, batch, slice(None))
    if found is None:
        return {}, {}
    values: dict[str, Tensor | float] = {**value_front(found.distance, found.q)}
    values |= action_alignment(found, task.negligible or 0.0)
    arrays = {
        f"map.{name}": getattr(found, name).cpu().numpy()
        for name in ("goals", "q", "actions", "achieved", "distance")
    }
    return values, arrays


def _augmentation(
    networks: tuple[Network, ...], batch: GoalBatch, material: ProbeMaterial
) -> dict[str, Tensor]:
    """Return the noise of the run's own augmentation, or of what DrQ's would be ("would_be_")."""
    assert material.augment is not None
    metric = AUGMENTATION_NOISE if material.augmented else WOULD_BE_AUGMENTATION_NOISE
    found: dict[str, Tensor] = {}
    for network in networks:
        noise = augmentation_noise(network, batch.observations, material.augment)
        for key, value in prefixed(Family.AUGMENTATION, noise).items():
            parts = parse(key)
            found[metric.key(parts.owner, parts.block)] = value
    return found


def _pictures(
    actor: Network, critic: Network, batch: GoalBatch, labelled: LabelledSet
) -> dict[str, np.ndarray]:
    """Return a few of the batch's frames, what of them Q and the action react to, and the truth."""
    drawn = _spread(len(batch.actions), _DRAWN_STATES)
    saliency = image_saliency(actor, critic, batch, torch.as_tensor(drawn))
    arrays = {f"saliency.{name}": value.cpu().numpy() for name, value in saliency.items()}
    arrays["drawn"] = drawn
    rows = _spread(len(labelled.actions), _MAP_STATES)[drawn]
    for key in (*critic.image_keys, *GOAL_KEYS):
        if key in labelled.observations:
            arrays[f"shown.{key}"] = labelled.observations[key][rows]
    return arrays | {f"truth.{name}": values[rows] for name, values in labelled.targets.items()}


def _spread(total: int, count: int) -> np.ndarray:
    """Return the indices of `count` of `total` things, evenly spaced, int64."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.int64)
