"""Whether learning reads what the environment gave, and what the actor acted on."""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from stable_baselines3.common.buffers import DictReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from torch import Tensor

from goalscope.diagnostics.material.replay import Episodes, dict_buffer, stored_transitions
from goalscope.diagnostics.material.witness import Witness, Witnessed
from goalscope.diagnostics.record.transition_metrics import (
    ACTION_DIFFERS,
    END_DIFFERS,
    INPUT_OFFSET,
    KEY_DIFFERS,
    NEXT_DIFFERS,
    REWARD_DIFFERS,
)
from goalscope.probes import (
    Network,
    ReplayBatch,
    differing_share,
    input_offset,
    prepared_inputs,
    same_rows,
)
from goalscope.probes.blocks import key_name
from goalscope.probes.live.features import spread_per_unit
from goalscope.probes.swaps import rms

FEWEST = 8  # steps; fewer tell nothing of a share
_SPREAD_ROWS = 32  # of a batch, enough for the spread of its images
_RELABELLED = ("desired_goal", "reward")  # what hindsight replaces


def agreement(
    model: OffPolicyAlgorithm,
    actor: Network,
    witness: Witness,
    stored: ReplayBatch,
    seen: DictReplayBufferSamples,
    episodes: Episodes,
) -> dict[str, Tensor]:
    """Return record key -> scalar: what differs between environment, replay, and acting.

    Args:
        model: the agent; replay augments nothing while this is asked.
        actor: its actor.
        witness: its last steps.
        stored: a batch drawn from replay, as it is stored.
        seen: the same batch as the networks see it.
        episodes: those that replay holds.
    """
    buffer = dict_buffer(model)
    steps = witness.steps(buffer)
    shares = list(_of_batch(model, buffer, stored, episodes))
    acting: dict[str, Tensor] = {}
    if len(steps) >= FEWEST:
        rows = np.array([step.row for step in steps])
        places = rows, np.zeros_like(rows)
        back = stored_transitions(model, *places, normalised=False)
        again = stored_transitions(model, *places, normalised=False)
        steady = [key for key, value in back.observations.items() if _steady(key, value, again)]
        shares.append(_differing(_given(steps), back, steady))
        acting = _of_acting(model, actor, steps, seen, steady)
    most: dict[str, Tensor] = {}
    for found in shares:
        for key, share in found.items():
            most[key] = torch.maximum(share, most[key]) if key in most else share
    return most | acting


def _steady(key: str, values: Tensor, again: DictReplayBufferSamples) -> bool:
    """Whether a key comes back the same each time, and is not augmented at random."""
    return torch.equal(values, again.observations[key])


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
    keys: Collection[str],
    without: Collection[str] = (),
) -> dict[str, Tensor]:
    """Return record key -> share of the rows that differ.

    Args:
        given: transitions as they were.
        back: the same as they came back.
        keys: of the observation that are compared.
        without: names of what is not: keys, or "reward".
    """
    results = {
        ACTION_DIFFERS.key(): differing_share(given.actions, back.actions),
        END_DIFFERS.key(): differing_share(given.dones, back.dones),
    }
    if "reward" not in without:
        results[REWARD_DIFFERS.key()] = differing_share(given.rewards, back.rewards)
    for key in keys:
        if key in without or key not in given.observations:
            continue
        name = key_name(key)
        sides = (
            (given.observations, back.observations),
            (given.next_observations, back.next_observations),
        )
        now, following = (differing_share(one[key], other[key]) for one, other in sides)
        results[KEY_DIFFERS.key(block=name)] = now
        results[NEXT_DIFFERS.key(block=name)] = following
    return results


def _of_batch(
    model: OffPolicyAlgorithm, buffer: DictReplayBuffer, batch: ReplayBatch, episodes: Episodes
) -> list[dict[str, Tensor]]:
    """Return what differs between a batch and the places of replay that it was drawn from.

    A place is found by its achieved goal; a row that could be of several is left out.
    """
    key = "achieved_goal"
    if key not in batch.observations or not len(episodes):
        return []
    rows, columns, _ = episodes.transitions()
    kept = buffer.observations[key][rows, columns].reshape(len(rows), -1)
    found = same_rows(batch.observations[key].flatten(1).cpu().numpy(), kept)
    results = []
    for kind, without in ((~batch.relabelled, ()), (batch.relabelled, _RELABELLED)):
        chosen = np.flatnonzero((found >= 0) & kind.cpu().numpy())
        if len(chosen) < FEWEST:
            continue
        places = rows[found[chosen]], columns[found[chosen]]
        one, other = (stored_transitions(model, *places, normalised=False) for _ in range(2))
        steady = [k for k, value in one.observations.items() if _steady(k, value, other)]
        results.append(_differing(one, _rows_of(batch, chosen), steady, without))
    return results


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


def _of_acting(
    model: OffPolicyAlgorithm,
    actor: Network,
    steps: list[Witnessed],
    seen: DictReplayBufferSamples,
    keys: Collection[str],
) -> dict[str, Tensor]:
    """Return how far what the actor was given lies from what it is given of the same steps now."""
    asked = [step for step in steps if step.acted is not None]
    if len(asked) < FEWEST:
        return {}
    rows = np.array([step.row for step in asked])
    back = stored_transitions(model, rows, np.zeros_like(rows))
    learnt = prepared_inputs(actor, back.observations)
    drawn = prepared_inputs(actor, {k: v[:_SPREAD_ROWS] for k, v in seen.observations.items()})
    results = {}
    for key in keys:
        parts = [step.acted[key] for step in asked if step.acted and key in step.acted]
        if len(parts) < len(asked):
            continue
        spread = rms(spread_per_unit(drawn[key].flatten(1).double()))
        offset = input_offset(torch.cat(parts), learnt[key], spread)
        results[INPUT_OFFSET.key("acting", key_name(key))] = offset
    return results
