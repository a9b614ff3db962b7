"""The state of an agent beside its weights and replay: what decides how training goes on."""

import random
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

import msgspec
import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from goalscope.diagnostics.record.documents import Count
from goalscope.training.envs.resumable import LOST

_Word = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


# Of numpy's words the next to be used, which it takes as it is.
_Place = Annotated[int, msgspec.Meta(ge=0, le=624)]

AgentValues = TypedDict(
    "AgentValues",
    {
        "step": Count,
        "update": Count,
        "episodes": Count,
        "recent_episodes": list[dict[str, float]],
        "recent_successes": list[float],
        "environments": list[dict[str, Any]] | None,
        "generator.python": tuple[int, list[_Word], float | None],
        "generator.numpy": tuple[str, list[_Word], _Place, int, float],
        "generator.actions": dict[str, Any],
    },
)
"""What `resume/state.json` says of an agent."""


def gather_state(
    model: BaseAlgorithm, with_environments: bool = True
) -> tuple[dict[str, Tensor], AgentValues]:
    """Return everything but the weights and replay: tensors by name, JSON values by name.

    Args:
        model: the agent.
        with_environments: where each environment is, too, and what was last observed of it; left
            out as well where one does not keep its state.
    """
    tensors: dict[str, Tensor] = {"generator.torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        tensors["generator.cuda"] = torch.cuda.get_rng_state(_gpu(model))
    tensors |= _log_entropy(model)
    for name, optimizer in _optimizers(model).items():
        for index, (parameter, _) in enumerate(_parameters(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{index:04d}.{key}"] = value
    environments = None
    if with_environments:
        environments = _gather_environments(model, tensors)
    python = random.getstate()
    numpy: Any = np.random.get_state()  # noqa: NPY002  (it is the global state that SB3 draws from)
    values: AgentValues = {
        "step": model.num_timesteps,
        "update": int(vars(model)["_n_updates"]),
        "episodes": getattr(model, "_episode_num", 0),  # which those with replay count
        "recent_episodes": [_plain(info) for info in model.ep_info_buffer or ()],
        "recent_successes": [float(value) for value in model.ep_success_buffer or ()],
        "environments": environments,
        "generator.python": (python[0], list(python[1]), python[2]),
        "generator.numpy": (numpy[0], numpy[1].tolist(), *numpy[2:]),
        "generator.actions": dict(model.action_space.np_random.bit_generator.state),
    }
    return tensors, values


def restore_state(model: BaseAlgorithm, tensors: Mapping[str, Tensor], values: AgentValues) -> None:
    """Take over what `gather_state` returned; every generator last.

    Raises:
        KeyError, ValueError: the state is of another agent.
    """
    for name, learnt in _log_entropy(model).items():
        learnt.copy_(tensors[name])
    for name, optimizer in _optimizers(model).items():
        prefix = f"optimizer.{name}."
        for index, (parameter, group) in enumerate(_parameters(optimizer)):
            start = f"{prefix}{index:04d}."
            saved = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            if saved:
                optimizer.state[parameter] = {
                    k: _like(v, parameter, group) for k, v in saved.items()
                }
    counted = {
        "num_timesteps": values["step"],
        "_n_updates": values["update"],
        "_episode_num": values["episodes"],
    }
    for name, value in counted.items():
        if hasattr(model, name):
            setattr(model, name, value)
    window = model._stats_window_size
    model.ep_info_buffer = deque(values["recent_episodes"], maxlen=window)
    model.ep_success_buffer = deque(values["recent_successes"], maxlen=window)
    if values["environments"] is None:
        _begin_environments_anew(model)
    else:
        _restore_environments(model, tensors, values["environments"])
    version, state, gauss = values["generator.python"]
    random.setstate((version, tuple(state), gauss))
    name, keys, place, has_gauss, numpy_gauss = values["generator.numpy"]
    kept = (name, np.asarray(keys, np.uint32), place, has_gauss, numpy_gauss)
    np.random.set_state(kept)  # noqa: NPY002
    model.action_space.np_random.bit_generator.state = values["generator.actions"]
    torch.set_rng_state(tensors["generator.torch"])
    if "generator.cuda" in tensors and torch.cuda.is_available():  # the record says what differs
        torch.cuda.set_rng_state(tensors["generator.cuda"], _gpu(model))


def _gather_environments(model: BaseAlgorithm, tensors: dict[str, Tensor]) -> list[Any] | None:
    """Return JSON values of each environment; its arrays join the tensors.

    None where an environment does not keep its state.
    """
    env = model.get_env()
    assert env is not None
    states = env.env_method("get_state")
    if any(LOST in described for _, described in states):
        return None
    assert isinstance(model._last_obs, dict)
    for key, last in model._last_obs.items():
        tensors[f"last_observation.{key}"] = torch.as_tensor(np.ascontiguousarray(last))
    tensors["last_episode_starts"] = torch.as_tensor(np.asarray(model._last_episode_starts))
    environments = []
    for number, (arrays, described) in enumerate(states):
        tensors |= {f"env{number}.{k}": torch.as_tensor(v) for k, v in arrays.items()}
        environments.append(described)
    return environments


def _restore_environments(
    model: BaseAlgorithm, tensors: Mapping[str, Tensor], environments: Sequence[Any]
) -> None:
    prefix = "last_observation."
    model._last_obs = {
        key.removeprefix(prefix): value.numpy()
        for key, value in tensors.items()
        if key.startswith(prefix)
    }
    model._last_episode_starts = tensors["last_episode_starts"].numpy()
    env = model.get_env()
    assert env is not None
    for number, described in enumerate(environments):
        start = f"env{number}."
        arrays = {
            k.removeprefix(start): v.numpy() for k, v in tensors.items() if k.startswith(start)
        }
        env.env_method("set_state", arrays, described, indices=number)


def _begin_environments_anew(model: BaseAlgorithm) -> None:
    """Have `learn` begin new episodes, from other starts than the run's first ones."""
    env = model.get_env()
    assert env is not None
    assert model.seed is not None
    env.seed(model.seed + model.num_timesteps)
    replay = getattr(model, "replay_buffer", None)
    if isinstance(replay, HerReplayBuffer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is what is wanted
            replay.truncate_last_trajectory()


def _optimizers(model: BaseAlgorithm) -> dict[str, torch.optim.Optimizer]:
    holders = {name: getattr(model, name, None) for name in ("actor", "critic", "policy")}
    found = {name: getattr(holder, "optimizer", None) for name, holder in holders.items()}
    found["entropy"] = getattr(model, "ent_coef_optimizer", None)
    auxiliary: dict[str, torch.optim.Optimizer] = getattr(model, "auxiliary", {})
    return {name: optimizer for name, optimizer in found.items() if optimizer} | auxiliary


def _log_entropy(model: BaseAlgorithm) -> dict[str, Tensor]:
    """Return the entropy coefficient's logarithm by its name; empty where it is not learnt."""
    learnt = getattr(model, "log_ent_coef", None)
    return {} if learnt is None else {"log_ent_coef": learnt.detach()}


def _parameters(optimizer: torch.optim.Optimizer) -> list[tuple[Tensor, dict[str, Any]]]:
    """Return each parameter with its group."""
    return [(p, group) for group in optimizer.param_groups for p in group["params"]]


def _gpu(model: BaseAlgorithm) -> torch.device | int:
    """Return the GPU whose generator the agent draws from; the current one where it has none."""
    return model.device if model.device.type == "cuda" else torch.cuda.current_device()


def _like(saved: Tensor, parameter: Tensor, group: Mapping[str, Any]) -> Tensor:
    """Return an optimiser's tensor as the optimiser would have made it.

    On the same device, laid out in memory as the parameter is. A step count goes where torch keeps
    it: beside the parameter where the step is fused or captured, else in the processor's memory.
    """
    if saved.shape != parameter.shape:
        beside = group.get("fused") or group.get("capturable")
        return saved.to(parameter.device) if beside else saved
    return torch.empty_like(parameter, requires_grad=False).copy_(saved)


def _plain(info: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in info.items() if key in ("r", "l", "t")}
