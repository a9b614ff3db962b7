"""What the environment gave and the agent received, step by step, beside what replay returns."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer

from goalscope.diagnostics.material.paces import Arrays, Paces
from goalscope.diagnostics.updates.acting import Acted

STEPS = 33  # the newest of them is not compared: a ring may not know yet what came after it


@dataclass(frozen=True)
class EnvironmentStep:
    """A step of the environments, seen before SB3 stores it.

    Attributes:
        model: the agent, whose last observation is still the one acted on.
        infos: one per environment.
        dones: bool (n_envs,).
        actions: (n_envs, A), as the environments got them; None where the caller does not say.
        rewards: (n_envs,), as the agent got them; None likewise.
        following: key -> (n_envs, ...), the observations after it; None likewise.
        acted: what the network that acts was given, and would do; None where it was not asked.
    """

    model: BaseAlgorithm
    infos: Sequence[Mapping[str, Any]]
    dones: np.ndarray
    actions: np.ndarray | None = None
    rewards: np.ndarray | None = None
    following: Arrays | None = None
    acted: Acted | None = None


@dataclass(frozen=True)
class Witnessed:
    """A step of the first environment, as it should come back from replay.

    Attributes:
        row: of replay that it is stored in.
        before: key -> (1, ...), the observation that the environment gave.
        after: key -> (1, ...), the one after it, of the same episode.
        action: (1, A), the action carried out, in -1..1; of discrete actions which.
        reward: (1,), as the environment gave it.
        end: bool (1,), whether the episode truly ended.
        acted: the same of its one row, nothing of which is known where it was asked for others
            than the environments' at once; None where the network that acts was not asked.
    """

    row: int
    before: Arrays
    after: Arrays
    action: np.ndarray
    reward: np.ndarray
    end: np.ndarray
    acted: Acted | None


def environment_step(
    model: BaseAlgorithm, seen: Mapping[str, Any], acted: Acted | None
) -> EnvironmentStep | None:
    """Return the step that was just taken; None where SB3 does not say what came of it.

    Args:
        model: the agent.
        seen: the local names of SB3's `collect_rollouts`.
        acted: what the network that acts was given, and would do.
    """
    infos, dones, following = seen.get("infos"), seen.get("dones"), seen.get("new_obs")
    if infos is None or dones is None:
        return None
    return EnvironmentStep(
        model,
        infos,
        np.asarray(dones),
        seen.get("actions"),
        seen.get("rewards"),
        following if isinstance(following, Mapping) else None,
        acted,
    )


class Witness:
    """The last steps of the first environment, whole.

    Attributes:
        paces: how far they moved what is observed, of more steps than are kept whole.
    """

    def __init__(self) -> None:
        self._steps: deque[Witnessed] = deque(maxlen=STEPS)
        self.paces = Paces()

    def see(self, step: EnvironmentStep) -> None:
        """Take in a step that is about to be stored."""
        found = _witnessed(step)
        if found is None:
            self._steps.clear()
            return
        witnessed, rows = found
        if self._steps and witnessed.row != (self._steps[-1].row + 1) % rows:
            self._steps.clear()  # replay does not store step by step
        self._steps.append(witnessed)
        self.paces.see(witnessed.before, witnessed.after)

    def steps(self, buffer: DictReplayBuffer) -> list[Witnessed]:
        """Return the steps that lie in replay's last rows, oldest first, all but the newest."""
        steps = list(self._steps)
        if not steps or (steps[-1].row + 1) % buffer.buffer_size != buffer.pos:
            return []
        return steps[:-1]


def _witnessed(step: EnvironmentStep) -> tuple[Witnessed, int] | None:
    """Return a step of the first environment, and replay's rows; None where not all is known."""
    model, buffer = step.model, getattr(step.model, "replay_buffer", None)
    before = model._last_obs if model._vec_normalize_env is None else model._last_original_obs
    if not isinstance(buffer, DictReplayBuffer) or not isinstance(before, Mapping):
        return None
    if step.actions is None or step.rewards is None or step.following is None:
        return None
    reward, after = step.rewards, step.following
    env, info = model._vec_normalize_env, step.infos[0]
    if env is not None:
        reward, after = env.get_original_reward(), env.get_original_obs()  # type: ignore[assignment]
    after = {key: values[:1] for key, values in after.items()}
    if step.dones[0] and info.get("terminal_observation") is not None:
        last = info["terminal_observation"]
        last = last if env is None else env.unnormalize_obs(last)
        after = {key: np.asarray(last[key])[None] for key in after}
    cut = buffer.handle_timeout_termination and bool(info.get("TimeLimit.truncated", False))
    action = step.actions[:1]
    if isinstance(model.action_space, spaces.Box):
        action = model.policy.scale_action(action)
    witnessed = Witnessed(
        buffer.pos,
        {key: values[:1].copy() for key, values in before.items()},
        {key: values.copy() for key, values in after.items()},
        np.array(action).reshape(1, -1),  # as replay keeps it
        np.array(reward[:1], dtype=np.float64),
        np.array([bool(step.dones[0]) and not cut]),
        _first(step.acted, len(step.dones)),
    )
    return witnessed, buffer.buffer_size


def _first(acted: Acted | None, rows: int) -> Acted | None:
    """Return the first row, if there are as many rows as environments."""
    if acted is None:
        return None
    if any(len(values) != rows for values in acted.inputs.values()):
        return Acted({}, None)
    own = acted.own
    return Acted(
        {key: values[:1].clone() for key, values in acted.inputs.items()},
        None if own is None or len(own) != rows else own[:1].clone(),
    )
