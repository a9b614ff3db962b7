"""What an update taught critics and actor, and how far the target lies from its critics."""

from collections.abc import Mapping

import torch
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.instrument import Context
from goalscope.diagnostics.instruments.replay_state import entropy_coefficient
from goalscope.diagnostics.material.replay import dict_buffer
from goalscope.diagnostics.record.keys import ACTOR, CRITIC, CRITIC_LOSS, CRITIC_TARGET
from goalscope.diagnostics.record.transition_metrics import (
    CUT_FRACTION,
    Q_WEIGHT,
    TARGET_LAG,
    TWIN_GAP,
    UNPAID_FRACTION,
)
from goalscope.diagnostics.updates.lesson import Lesson
from goalscope.diagnostics.updates.tracked import TrackedUpdate
from goalscope.probes import (
    cautious_values,
    cut_fraction,
    horizon,
    squashed_log_density,
    taught_targets,
    twin_gap,
    unpaid_fraction,
    value_bounds,
)

STORED = 10_000  # rewards of replay, at most, that a target's is looked for among


def lesson_state(context: Context, model: OffPolicyAlgorithm, drawn: Tensor) -> dict[str, Tensor]:
    """Return record key -> scalar of the update that is being tracked; {} where none is.

    Only of agents with an actor: without one the target is a copy, made every so many steps.

    Args:
        context: of the measurement.
        model: the agent.
        drawn: float (B, 1), rewards of a replay batch as the critics learn from them.
    """
    seen = context.seen
    if seen is None or ACTOR not in context.networks:
        return {}
    results = {TARGET_LAG.key(): _lag(seen), Q_WEIGHT.key(): seen.q_weight}
    if seen.lesson is not None:
        results[TWIN_GAP.key()] = twin_gap(seen.lesson.values)
        results[UNPAID_FRACTION.key()] = _unpaid(model, seen.passes, seen.lesson, drawn)
        results[CUT_FRACTION.key()] = _cut(model, seen.lesson, drawn)
    return {key: value for key, value in results.items() if value is not None}


def _lag(seen: TrackedUpdate) -> Tensor | None:
    """Return how far the target's first layers lay from the critic's, over their norm.

    Before the update's step, because the target follows after it. None in a run's first update,
    before which nothing has moved, and where the critic does not move.
    """
    critic, target = (seen.passes.get(name) for name in (CRITIC, CRITIC_TARGET))
    step = seen.losses.get(CRITIC_LOSS)
    if critic is None or target is None or step is None or seen.update < 2:
        return None
    moved = [not torch.equal(w, a) for w, a in zip(step.weights, step.weights_after, strict=True)]
    if not any(moved):
        return None
    own, its = (torch.cat([w.flatten() for w in one.weights]) for one in (critic, target))
    apart: Tensor = (own - its).norm() / own.norm()
    return apart


def _unpaid(
    model: OffPolicyAlgorithm, passes: Mapping[str, object], lesson: Lesson, drawn: Tensor
) -> Tensor | None:
    """Return the share of targets that no reward explains; all, where no target was asked."""
    if CRITIC_TARGET not in passes:
        return torch.ones(())
    targets, entropy = taught_targets(lesson.values, lesson.gradients), _entropy(model, lesson)
    # Of several steps each row has a discount of its own.
    if targets is None or entropy is None or getattr(model, "n_steps", 1) > 1:
        return None
    assert lesson.next_values is not None  # the entropy is of the actions that it was asked about
    following = model.gamma * (cautious_values(lesson.next_values) + entropy[:, None])
    if len(targets) != len(following):
        return None
    # The coefficient may have been taken before its own step in this update or after it.
    optimiser = getattr(model, "ent_coef_optimizer", None)
    rate = 0.0 if optimiser is None else float(optimiser.param_groups[0]["lr"])
    doubt = 2 * model.gamma * rate * entropy.abs()  # Adam's steps may be larger than its rate
    return unpaid_fraction(targets, following, _rewards(model, drawn).to(targets), doubt)


def _cut(model: OffPolicyAlgorithm, lesson: Lesson, drawn: Tensor) -> Tensor | None:
    """Return the share of the target's answers that are cut off short of what rewards allow."""
    rewards, steps = _rewards(model, drawn), horizon(model.gamma, None)
    if lesson.next_values is None or steps is None:
        return None
    if lesson.next_heads is None:  # what they answered is what was passed on
        return torch.zeros(())
    bounds = value_bounds(rewards.min(), rewards.max(), steps)
    return cut_fraction(lesson.next_values, lesson.next_heads, bounds)


def _entropy(model: OffPolicyAlgorithm, lesson: Lesson) -> Tensor | None:
    """Return what entropy adds to the target's answers, float (B,); None where it is not known."""
    if lesson.next_values is None or lesson.next_actions is None:
        return None
    coefficient = torch.as_tensor(entropy_coefficient(model))
    if not bool(coefficient != 0):
        return lesson.next_values.new_zeros(len(lesson.next_values), dtype=torch.float64)
    if lesson.policy is None or torch.finfo(lesson.policy[0].dtype).bits < 32:
        return None
    density = squashed_log_density(*lesson.policy, lesson.next_actions)
    return -coefficient.to(density) * density


def _rewards(model: OffPolicyAlgorithm, drawn: Tensor) -> Tensor:
    """Return rewards stored and drawn, float (n,), as the critics learn from them."""
    buffer = dict_buffer(model)
    stored = buffer.rewards[: buffer.size()].flatten()
    stored = stored[:: max(1, len(stored) // STORED)]
    stored = buffer._normalize_reward(stored, model._vec_normalize_env)
    return torch.cat([torch.as_tensor(stored).to(drawn), drawn.flatten()])
