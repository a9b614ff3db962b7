"""Whether learning reads what the environment gave, and what the agent acted on."""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.instruments.augmented_images import (
    augmented_blocks,
    image_blocks,
    turned,
)
from goalscope.diagnostics.instruments.image_timing import FEWEST, image_timing
from goalscope.diagnostics.material.replay import (
    Episodes,
    Indices,
    by_block,
    dict_buffer,
    stored_transitions,
)
from goalscope.diagnostics.material.witness import Witness, Witnessed
from goalscope.diagnostics.record.keys import ACTOR
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_DIFFERS,
    DRAW_SKEW,
    END_DIFFERS,
    INPUT_OFFSET,
    KEY_DIFFERS,
    NEXT_DIFFERS,
    OWN_FRACTION,
    REWARD_DIFFERS,
    UNASKED_FRACTION,
)
from goalscope.probes import (
    Network,
    ReplayBatch,
    differing_share,
    draw_skew,
    input_offset,
    own_fraction,
    prepared_inputs,
    same_rows,
)
from goalscope.probes.blocks import ACHIEVED_GOAL, DESIRED_GOAL
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.swaps import rms

FEWEST_DRAWN = 16  # rows; fewer tell nothing of a distribution
_NEWEST = 2  # steps before what is compared: the newest, and the first that the policy decides
_SPREAD_ROWS = 32  # of a batch, enough for the spread of its images
_RELABELLED = (DESIRED_GOAL, "reward")  # what hindsight replaces


def agreement(
    model: OffPolicyAlgorithm,
    network: Network,
    witness: Witness,
    stored: ReplayBatch,
    seen: DictReplayBufferSamples,
    episodes: Episodes,
    seed: int,
) -> dict[str, Tensor]:
    """Return record key -> scalar: what differs between environment, replay, and acting.

    Args:
        model: the agent; replay augments nothing while this is asked.
        network: the one that acts.
        witness: its last steps.
        stored: a batch drawn from replay, as it is stored, by the names of blocks.
        seen: the same batch as the networks see it.
        episodes: those that replay holds.
        seed: that the batch was drawn from.
    """
    steps = witness.steps(dict_buffer(model))
    shares = _of_batch(model, network, stored, episodes, seed)
    acting: dict[str, Tensor] = {}
    if len(steps) >= FEWEST:
        rows = np.array([step.row for step in steps])
        places = rows, np.zeros_like(rows)
        back, steady = _twice(model, network, *places)
        given = by_block(_given(steps), network.block_of)
        shares.append(_differing(given, back, steady))
        shares.append(turned(given, back, image_blocks(network) - set(steady)))
        acting = _of_acting(model, network, steps, seen, steady) | _unexplored(steps)
        if network.name == ACTOR:  # without one SB3 explores without asking
            acting |= _unasked(model, steps)
        acting |= image_timing(network, given, stored, witness.paces)
    most: dict[str, Tensor] = {}
    for found in shares:
        for key, share in found.items():
            most[key] = torch.maximum(share, most[key]) if key in most else share
    return most | acting


def _twice(
    model: OffPolicyAlgorithm, network: Network, rows: Indices, columns: Indices
) -> tuple[DictReplayBufferSamples, list[str]]:
    """Return transitions of replay by the names of blocks, and the blocks that are steady.

    These come back the same each time: they are not augmented at random.
    """
    one, other = (
        by_block(stored_transitions(model, rows, columns, normalised=False), network.block_of)
        for _ in range(2)
    )
    steady = [k for k, v in one.observations.items() if torch.equal(v, other.observations[k])]
    return one, steady


def _given(steps: list[Witnessed]) -> DictReplayBufferSamples:
    """Return witnessed steps as replay should return them."""

    def side(name: str) -> dict[str, Tensor]:
        parts: list[Mapping[str, np.ndarray]] = [getattr(step, name) for step in steps]
        return {k: torch.as_tensor(np.concatenate([p[k] for p in parts])) for k in parts[0]}

    actions, rewards, ends = (
        torch.as_tensor(np.concatenate([getattr(step, name) for step in steps]))
        for name in ("action", "reward", "end")
    )
    return DictReplayBufferSamples(
        side("before"), actions, side("after"), ends[:, None].float(), rewards[:, None]
    )


def _differing(
    given: DictReplayBufferSamples,
    back: DictReplayBufferSamples,
    blocks: Collection[str],
    without: Collection[str] = (),
) -> dict[str, Tensor]:
    """Return record key -> share of the rows that differ.

    Args:
        given: transitions as they were.
        back: the same as they came back.
        blocks: of the observation that are compared.
        without: names of what is not: blocks, or "reward".
    """
    results = {
        ACTION_DIFFERS.key(): differing_share(given.actions, back.actions),
        END_DIFFERS.key(): differing_share(given.dones, back.dones),
    }
    if "reward" not in without:
        results[REWARD_DIFFERS.key()] = differing_share(given.rewards, back.rewards)
    for block in blocks:
        if block in without or block not in given.observations:
            continue
        sides = (
            (given.observations, back.observations),
            (given.next_observations, back.next_observations),
        )
        now, following = (differing_share(one[block], other[block]) for one, other in sides)
        results[KEY_DIFFERS.key(block=block)] = now
        results[NEXT_DIFFERS.key(block=block)] = following
    return results


def _of_batch(
    model: OffPolicyAlgorithm,
    network: Network,
    batch: ReplayBatch,
    episodes: Episodes,
    seed: int,
) -> list[dict[str, Tensor]]:
    """Return what differs between a batch and the places of replay that it was drawn from.

    A place is found by its achieved goal; a row that could be of several is left out.
    """
    key = network.goal_keys[0]
    if key is None or ACHIEVED_GOAL not in batch.observations or not len(episodes):
        return []
    rows, columns, _ = episodes.transitions()
    kept = dict_buffer(model).observations[key][rows, columns].reshape(len(rows), -1)
    found, only = same_rows(batch.observations[ACHIEVED_GOAL].flatten(1).cpu().numpy(), kept)
    augmented = augmented_blocks(model, network, batch, seed)
    results = [_evenness(found[found >= 0], only)]
    for kind, without in ((~batch.relabelled, ()), (batch.relabelled, _RELABELLED)):
        chosen = np.flatnonzero((found >= 0) & kind.cpu().numpy())
        if len(chosen) < FEWEST:
            continue
        places = rows[found[chosen]], columns[found[chosen]]
        one, steady = _twice(model, network, *places)
        drawn, same = _rows_of(batch, chosen), [b for b in steady if b not in augmented]
        results.append(_differing(one, drawn, same, without))
        results.append(turned(one, drawn, augmented))
    return results


def _evenness(found: np.ndarray, only: np.ndarray) -> dict[str, Tensor]:
    """Return how unevenly a batch is drawn from the rows that a place is told by."""
    if len(found) < FEWEST_DRAWN:
        return {}
    return {DRAW_SKEW.key(): torch.tensor(draw_skew(np.searchsorted(only, found), len(only)))}


def _rows_of(batch: ReplayBatch, chosen: np.ndarray) -> DictReplayBufferSamples:
    index = torch.as_tensor(chosen, device=batch.actions.device)
    now, following = (
        {key: values[index] for key, values in side.items()}
        for side in (batch.observations, batch.next_observations)
    )
    return DictReplayBufferSamples(
        now,
        batch.actions[index],
        following,
        batch.dones[index][:, None],
        batch.rewards[index][:, None],
    )


def _spread(values: Tensor) -> Tensor:
    return spread_per_unit(values.flatten(1).double())


def _of_acting(
    model: OffPolicyAlgorithm,
    network: Network,
    steps: list[Witnessed],
    seen: DictReplayBufferSamples,
    blocks: Collection[str],
) -> dict[str, Tensor]:
    """Return how far what a network acted on lies from what it is given of the same steps now."""
    asked = [step for step in steps if step.acted is not None and step.acted.inputs]
    if len(asked) < FEWEST:
        return {}
    rows = np.array([step.row for step in asked])
    back = stored_transitions(model, rows, np.zeros_like(rows))
    learnt = prepared_inputs(network, back.observations)
    drawn = prepared_inputs(network, {k: v[:_SPREAD_ROWS] for k, v in seen.observations.items()})
    results = {}
    for key in learnt:
        parts = [a.inputs[key] for s in asked if (a := s.acted) is not None and key in a.inputs]
        if network.block_of(key) not in blocks or len(parts) < len(asked):
            continue
        spread = rms(_spread(drawn[key]))
        offset = input_offset(torch.cat(parts), learnt[key], spread)
        results[INPUT_OFFSET.key("acting", network.block_of(key))] = offset
    return results


def _unasked(model: OffPolicyAlgorithm, steps: list[Witnessed]) -> dict[str, Tensor]:
    """Return how many steps since the warm-up were taken without asking the network that acts."""
    since = (model.num_timesteps - model.learning_starts) // model.n_envs
    later = steps[max(0, len(steps) + _NEWEST - since) :]
    if len(later) < FEWEST:
        return {}
    unasked = sum(step.acted is None for step in later) / len(later)
    return {UNASKED_FRACTION.key(): torch.tensor(unasked)}


def _unexplored(steps: list[Witnessed]) -> dict[str, Tensor]:
    """Return how many steps carried out the acting network's own action, with nothing beside it."""
    pairs = [(s.action, s.acted.own.cpu()) for s in steps if s.acted and s.acted.own is not None]
    if not pairs:
        return {}
    carried_out, own = zip(*pairs, strict=True)
    found = own_fraction(torch.as_tensor(np.concatenate(carried_out)), torch.cat(own))
    return {} if found is None else {OWN_FRACTION.key(): found}
