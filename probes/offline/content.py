"""What the image features know: object, gripper, velocity, goal, and what happens next."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from goalscope.probes.images import averaged
from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.networks import Network
from goalscope.probes.offline.ridge import Floats, RidgeReader, ridge_readout

_ROWS = 256  # images at a time


@dataclass(frozen=True)
class LabelledSet:
    """Observations whose true state is known. Rows are in time order within an episode.

    Attributes:
        observations: key -> (N, ...), as an SB3 buffer returns them; achieved_goal among them.
        actions: float32 (N, A), scaled to [-1, 1].
        episodes: int (N,), which episode each row is from.
        targets: name -> float64 (N, d), positions in goal units; a name that ends in "velocity" is
            of velocities in goal units per second.
        next_achieved: float (N, d), the achieved goal one step later.
        previous: int64 (N,), the row one step earlier in the same episode; itself at the first.
    """

    observations: Mapping[str, np.ndarray]
    actions: NDArray[np.floating]
    episodes: NDArray[np.integer]
    targets: Mapping[str, Floats]
    next_achieved: NDArray[np.floating]
    previous: NDArray[np.integer]


def content_readout(
    network: Network,
    fresh: Network | None,
    labelled: LabelledSet,
    unit: str = "goal_units",
    scale: float = 1.0,
) -> dict[str, float]:
    """Return how well each target is read from the image features, and from two references.

    By `ridge_readout`, on the same split of the episodes for all three: the block's features;
    `fresh_`, the features of an extractor with fresh weights, which a trained one should beat;
    `raw_`, the images themselves averaged down to 12 x 12 per channel, in [0, 1], which say what
    there is to be seen at all.

    Args:
        network: whose features.
        fresh: the same network with a fresh extractor (`fresh_copy`), or None to leave it out.
        labelled: the observations and their targets, of at least three episodes.
        unit: in which errors are given; their keys end in it.
        scale: how many of that unit make one goal unit.

    Returns:
        "<network>.<block>.<target>_r2", at most 1 and possibly below 0, NaN for a target that does
        not vary; and "<network>.<block>.<target>_<unit>", the RMS error, "_<unit>_per_s" for
        velocities. Each also as "<network>.<block>.fresh_<target>..." and "raw_<target>...".
        For every block that depends on images alone; {} where there is none.

    Raises:
        ValueError: fewer than three episodes.
    """
    if not network.image_blocks:
        return {}
    sources = {"": _encoded(network, labelled)}
    if fresh is not None:
        sources["fresh_"] = _encoded(fresh, labelled)
    results: dict[str, float] = {}
    for block in network.image_blocks:
        columns = block.columns.cpu().numpy()
        inputs = {prefix: features[:, columns] for prefix, features in sources.items()}
        inputs["raw_"] = _raw_pixels(labelled, block.keys)
        for prefix, features in inputs.items():
            reader = RidgeReader(features, labelled.episodes)
            for target, truth in labelled.targets.items():
                found = reader.read(truth)
                given_in = f"{unit}_per_s" if target.endswith("velocity") else unit
                key = f"{network.name}.{block.name}.{prefix}{target}"
                results |= {f"{key}_r2": found.r2, f"{key}_{given_in}": found.error * scale}
    return results


def next_goal_prediction(
    network: Network, labelled: LabelledSet, extra: Mapping[str, NDArray[np.floating]]
) -> dict[str, float]:
    """Return how well fused features and action tell what the step will change.

    R^2 of `ridge_readout` of (next_achieved - achieved_goal) from [fused features, action]; again
    with the fused features of the previous step, and with each extra array beside them. What is
    gained by one of these is missing from the observation.

    Args:
        network: whose features.
        labelled: the transitions, of at least three episodes.
        extra: name -> float (N, ...), such as the gripper's position and velocity.

    Returns:
        "<network>.features.next_goal_r2", "...next_goal_with_previous_r2" and
        "...next_goal_with_<name>_r2": at most 1, possibly below 0, NaN where nothing ever moves.

    Raises:
        ValueError: fewer than three episodes.
    """
    features = _encoded(network, labelled)
    change = (labelled.next_achieved - labelled.observations["achieved_goal"]).astype(np.float64)
    inputs = np.concatenate([features, labelled.actions], axis=1)
    added = {"_with_previous": features[labelled.previous]}
    added |= {f"_with_{name}": values.reshape(len(inputs), -1) for name, values in extra.items()}
    results = {"": inputs} | {
        name: np.concatenate([inputs, values], axis=1) for name, values in added.items()
    }
    return {
        f"{network.name}.features.next_goal{name}_r2": ridge_readout(
            values, change, labelled.episodes
        ).r2
        for name, values in results.items()
    }


def fresh_copy(network: Network, seed: int) -> Network:
    """Return the network with a copy of its features extractor that has fresh weights.

    Every submodule's own `reset_parameters` draws them on the CPU, as at construction: SB3's SAC
    and TD3 leave torch's default initialisation as it is. No shared generator is drawn from. The
    heads, the blocks and everything of the original are left as they are.

    Raises:
        ValueError: a module with trainable parameters of its own has no `reset_parameters`: the
            copy would keep what was learnt.
    """
    extractor = copy.deepcopy(network.extractor).cpu()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every GPU's, too
        for name, module in extractor.named_modules():
            _reset(name, module)
    return replace(network, extractor=extractor.to(network.module.device))


def _reset(name: str, module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if reset is not None:
        reset()
    elif any(parameter.requires_grad for parameter in module.parameters(recurse=False)):
        raise ValueError(
            f"{type(module).__name__} ({name}) has trainable parameters and no reset_parameters(): "
            "no fresh copy of the features extractor can be made; give it one"
        )


def _encoded(network: Network, labelled: LabelledSet) -> NDArray[np.floating]:
    """Return the fused features, float (N, D)."""
    device = network.module.device
    observations = {
        key: torch.as_tensor(value, device=device) for key, value in labelled.observations.items()
    }
    with torch.no_grad(), evaluation_mode(network.module):
        features = network.fused_features(observations)
    result: NDArray[np.floating] = features.cpu().numpy()
    return result


def _raw_pixels(labelled: LabelledSet, keys: Sequence[str]) -> NDArray[np.floating]:
    """Return the images averaged down and flattened, float32 (N, ...) in [0, 1]."""
    parts = [
        torch.cat([averaged(piece) for piece in torch.as_tensor(images).split(_ROWS)])
        for images in (labelled.observations[key] for key in keys)
    ]
    result: NDArray[np.floating] = torch.cat(parts, dim=1).numpy()
    return result
