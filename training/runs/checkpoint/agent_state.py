"""The state of an agent beside its weights and replay: what decides how training goes on."""

import random
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC, HerReplayBuffer
from torch import Tensor


def gather_state(
    model: SAC, with_environments: bool = True
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return everything but the weights and replay: tensors by name, JSON values by name.

    Args:
        model: the agent.
        with_environments: where each environment is, too, and what was last observed of it.
    """
    tensors: dict[str, Tensor] = {"generator.torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        tensors["generator.cuda"] = torch.cuda.get_rng_state()
    if model.log_ent_coef is not None:
        tensors["log_ent_coef"] = model.log_ent_coef.detach()
    for name, optimizer in _optimizers(model).items():
        for index, parameter in enumerate(_parameters(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{index:04d}.{key}"] = value
    environments = None
    if with_environments:
        environments = _gather_environments(model, tensors)
    python = random.getstate()
    numpy: Any = np.random.get_state()  # noqa: NPY002  (it is the global state that SB3 draws from)
    values = {
        "step": model.num_timesteps,
        "update": model._n_updates,
        "episodes": model._episode_num,
        "recent_episodes": [_plain(info) for info in model.ep_info_buffer or ()],
        "recent_successes": [float(value) for value in model.ep_success_buffer or ()],
        "environments": environments,
        "generator.python": [python[0], list(python[1]), python[2]],
        "generator.numpy": [numpy[0], numpy[1].tolist(), *numpy[2:]],
        "generator.actions": model.action_space.np_random.bit_generator.state,
    }
    return tensors, values


def restore_state(model: SAC, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Take over what `gather_state` returned; every generator last.

    Raises:
        KeyError, ValueError: the state is of another agent.
    """
    if model.log_ent_coef is not None:
        model.log_ent_coef.data.copy_(tensors["log_ent_coef"])
    for name, optimizer in _optimizers(model).items():
        prefix = f"optimizer.{name}."
        for index, parameter in enumerate(_parameters(optimizer)):
            start = f"{prefix}{index:04d}."
            saved = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            if saved:
                optimizer.state[parameter] = {k: _like(v, parameter) for k, v in saved.items()}
    model.num_timesteps, model._n_updates = values["step"], values["update"]
    model._episode_num = values["episodes"]
    window = model._stats_window_size
    model.ep_info_buffer = deque(values["recent_episodes"], maxlen=window)
    model.ep_success_buffer = deque(values["recent_successes"], maxlen=window)
    if values["environments"] is None:
        _begin_environments_anew(model)
    else:
        _restore_environments(model, tensors, values["environments"])
    version, state, gauss = values["generator.python"]
    random.setstate((version, tuple(state), gauss))
    name, keys, *rest = values["generator.numpy"]
    np.random.set_state((name, np.asarray(keys, np.uint32), *rest))  # noqa: NPY002
    model.action_space.np_random.bit_generator.state = values["generator.actions"]
    torch.set_rng_state(tensors["generator.torch"])
    if "generator.cuda" in tensors and torch.cuda.is_available():  # the record says what differs
        torch.cuda.set_rng_state(tensors["generator.cuda"])


def _gather_environments(model: SAC, tensors: dict[str, Tensor]) -> list[Any]:
    """Return JSON values of each environment; its arrays join the tensors."""
    assert isinstance(model._last_obs, dict)
    for key, last in model._last_obs.items():
        tensors[f"last_observation.{key}"] = torch.as_tensor(np.ascontiguousarray(last))
    tensors["last_episode_starts"] = torch.as_tensor(np.asarray(model._last_episode_starts))
    env = model.get_env()
    assert env is not None
    environments = []
    for number, (arrays, described) in enumerate(env.env_method("get_state")):
        tensors |= {f"env{number}.{k}": torch.as_tensor(v) for k, v in arrays.items()}
        environments.append(described)
    return environments


def _restore_environments(
    model: SAC, tensors: Mapping[str, Tensor], environments: Sequence[Any]
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


def _begin_environments_anew(model: SAC) -> None:
    """Have `learn` begin new episodes, from other starts than the run's first ones."""
    env = model.get_env()
    assert env is not None
    assert model.seed is not None
    env.seed(model.seed + model.num_timesteps)
    if isinstance(model.replay_buffer, HerReplayBuffer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is what is wanted
            model.replay_buffer.truncate_last_trajectory()


def _optimizers(model: SAC) -> dict[str, torch.optim.Optimizer]:
    found = {"actor": model.actor.optimizer, "critic": model.critic.optimizer}
    if model.ent_coef_optimizer is not None:
        found["entropy"] = model.ent_coef_optimizer
    auxiliary: dict[str, torch.optim.Optimizer] = getattr(model, "auxiliary", {})
    return found | auxiliary


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _like(saved: Tensor, parameter: Tensor) -> Tensor:
    """Return an optimiser's tensor as the optimiser would have made it.

    On the same device, laid out in memory as the parameter is; a step count stays where it was.
    """
    if saved.shape != parameter.shape:
        return saved
    return torch.empty_like(parameter, requires_grad=False).copy_(saved)


def _plain(info: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in info.items() if key in ("r", "l", "t")}
