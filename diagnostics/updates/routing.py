"""The routing table: which optimiser holds a parameter group, which losses reach it, what follows.

Observed on the first updates: gradients are compared before and after each backward pass, and the
target network's weights before and after it followed, which a delayed actor puts off. It is no
instrument: what it finds are words about how the agent is wired, not numbers at an update, and it
must have hooks of its own on the first optimiser steps, due or not. So it is written once, as a
table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from goalscope.diagnostics.record import RoutingRow
from goalscope.diagnostics.record.keys import CRITIC_LOSS, LOSS_OF
from goalscope.diagnostics.updates.steps import watch_steps
from goalscope.diagnostics.updates.tracked import trained_by
from goalscope.probes import Network

ENTROPY_LOSS = "entropy_loss"
_PATIENCE = 100  # updates in which a target may begin to follow


@dataclass(frozen=True, eq=False)
class ParameterGroup:
    """Parameters of one network that belong together: an encoder, or a head.

    Attributes:
        network: "actor", "critic", "critic_target", "entropy", or what an auxiliary loss teaches.
        name: "encoder of pixels", "qf0", "latent_pi", ...
        parameters: the tensors.
    """

    network: str
    name: str
    parameters: tuple[Tensor, ...]


def parameter_groups(model: BaseAlgorithm, networks: Mapping[str, Network]) -> list[ParameterGroup]:
    """Return every parameter of the agent, by network and part."""
    groups: list[ParameterGroup] = []
    for network in networks.values():
        encoded: set[Tensor] = set()
        for block in network.blocks:
            parts = tuple(network.extractor.get_parameter(name) for name in block.parameters)
            encoded |= set(parts)
            if parts:
                groups.append(ParameterGroup(network.name, f"encoder of {block.name}", parts))
        for name, module in network.heads.items():
            parts = tuple(p for p in module.parameters() if p not in encoded)
            if parts:
                groups.append(ParameterGroup(network.name, name, parts))
    log_coefficient = getattr(model, "log_ent_coef", None)
    if log_coefficient is not None:
        groups.append(ParameterGroup("entropy", "log_ent_coef", (log_coefficient,)))
    listed = {p for group in groups for p in group.parameters}
    for name, optimiser in auxiliary_optimisers(model).items():
        held = (p for part in optimiser.param_groups for p in part["params"])
        own = tuple(p for p in held if p not in listed)
        if own:
            groups.append(ParameterGroup(name, "head", own))
    return groups


def auxiliary_optimisers(model: BaseAlgorithm) -> Mapping[str, torch.optim.Optimizer]:
    """Return what is learnt beside actor, critic and entropy -> its optimiser.

    An agent that learns more than SB3's do says so in an attribute `auxiliary`.
    """
    found: Mapping[str, torch.optim.Optimizer] = getattr(model, "auxiliary", {})
    return found


class RoutingWatch:
    """Watches the first updates and then knows the routing table.

    Args:
        model: the agent.
        networks: its networks.
        on_failure: called with what went wrong; training goes on.
    """

    def __init__(
        self,
        model: BaseAlgorithm,
        networks: Mapping[str, Network],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._model = model
        self._networks = networks
        self._on_failure = on_failure
        self._groups = parameter_groups(model, networks)
        self._reached: dict[str, set[ParameterGroup]] = {}
        self._grads = self._gradients()
        self._updates = 0
        self._before: dict[ParameterGroup, Tensor] = {}  # the target's groups, until they move
        self._following: dict[ParameterGroup, str] = {}
        self._handles: list[RemovableHandle] = []
        self._held = trained_by(networks)
        for optimiser, held in self._held.items():
            self._hook(optimiser, {LOSS_OF[network.name]: network.name for network in held})
        for name, optimiser in auxiliary_optimisers(model).items():
            self._hook(optimiser, {f"{name}_loss": name})

    def seen(self) -> bool:
        """Whether each loss has made a step and each target has moved; ask between updates."""
        self._see_following()
        return self.stepped and (not self._before or self._updates >= _PATIENCE)

    @property
    def stepped(self) -> bool:
        """Whether each loss has made a step."""
        return all(self._reached.values())

    def rows(self) -> list[RoutingRow]:
        """Return the table, one row per group; call it between updates."""
        self._see_following()
        still = f"did not move in the first {self._updates} updates"
        following = {**dict.fromkeys(self._before, still), **self._following}
        holders = self._optimisers()
        rows: list[RoutingRow] = []
        for group in self._groups:
            ids = {id(p) for p in group.parameters}
            held = [name for name, parameters in holders.items() if ids & parameters]
            losses = [loss for loss, reached in self._reached.items() if group in reached]
            if group.network == "entropy":  # its own backward pass runs before the critic's
                losses = [ENTROPY_LOSS]
            shared = [
                f"{other.network} {other.name}"
                for other in self._groups
                if other is not group and ids & {id(p) for p in other.parameters}
            ]
            rows.append(
                {
                    "network": group.network,
                    "group": group.name,
                    "parameters": sum(p.numel() for p in group.parameters),
                    "optimizer": ", ".join(held) or None,
                    "losses": losses,
                    "shared_with": ", ".join(shared) or None,
                    "target": following.get(group),
                }
            )
        return rows

    def detach(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, optimiser: torch.optim.Optimizer, losses: Mapping[str, str]) -> None:
        """Watch the steps of an optimiser; losses: whose gradients it follows -> of what."""
        self._reached |= {loss: set() for loss in losses}

        def before_step() -> None:
            if CRITIC_LOSS in losses:
                self._watch_target()
            if any(self._reached[loss] for loss in losses):
                return
            now = self._gradients()
            for group in self._groups:
                if any(_changed(self._grads[p], now[p]) for p in group.parameters):
                    for loss, network in losses.items():
                        if len(losses) == 1 or network in self._owners(group):
                            self._reached[loss].add(group)

        def after_step() -> None:
            if not self.stepped:
                self._grads = self._gradients()

        self._handles += watch_steps(
            optimiser, lambda: self._guarded(before_step), lambda: self._guarded(after_step)
        )

    def _owners(self, group: ParameterGroup) -> set[str]:
        """Return the networks that any of a group's parameters are of."""
        ids = {id(p) for p in group.parameters}
        return {g.network for g in self._groups if ids & {id(p) for p in g.parameters}}

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # a measurement must never end the training it watches
            self._on_failure(error)

    def _watch_target(self) -> None:
        """Look whether the target has moved since the critic's last step, before its next."""
        if self._updates == 0:
            self._before = {
                group: _flat(group.parameters)
                for group in self._groups
                if group.network == "critic_target"
            }
        elif self._updates < _PATIENCE:
            self._see_following()
        self._updates += 1

    def _gradients(self) -> dict[Tensor, tuple[Tensor | None, int]]:
        """Return each parameter's gradient tensor and how often it has been written to."""
        return {
            p: (p.grad, -1 if p.grad is None else p.grad._version)
            for group in self._groups
            for p in group.parameters
        }

    def _optimisers(self) -> dict[str, set[int]]:
        found = {
            held[0].name if len(held) == 1 else "policy": optimiser
            for optimiser, held in self._held.items()
        }
        entropy = getattr(self._model, "ent_coef_optimizer", None)
        if entropy is not None:
            found["entropy"] = entropy
        found |= auxiliary_optimisers(self._model)
        return {
            name: {id(p) for group in optimiser.param_groups for p in group["params"]}
            for name, optimiser in found.items()
        }

    def _see_following(self) -> None:
        """Say how each target group that has now moved followed the critic, from its weights.

        No step of the critic lies between its following and this, so that the rate is exact.
        """
        source = dict(self._named("critic"))
        for group, before in list(self._before.items()):
            moved = _flat(group.parameters) - before
            if not bool(moved.any()):
                continue
            del self._before[group]
            leader = [source[name] for name in self._names(group) if name in source]
            lead = _flat(leader) - before if len(leader) == len(group.parameters) else None
            rounding = 4 * torch.finfo(before.dtype).eps * before.abs()
            if lead is not None and not lead.any() and bool((moved.abs() <= rounding).all()):
                self._following[group] = f"equals the critic's {group.name}, which stands still"
                continue
            if lead is None or not bool(lead.any()):
                self._following[group] = f"moves, but not after the critic's {group.name}"
                continue
            rate = float((moved @ lead) / (lead @ lead))
            self._following[group] = f"follows the critic's {group.name}, tau {rate:.3g}"

    def _named(self, network: str) -> Iterable[tuple[str, Tensor]]:
        module: nn.Module = self._networks[network].module
        return module.named_parameters()

    def _names(self, group: ParameterGroup) -> list[str]:
        ids = {id(p) for p in group.parameters}
        return [name for name, p in self._named(group.network) if id(p) in ids]


def _changed(before: tuple[Tensor | None, int], now: tuple[Tensor | None, int]) -> bool:
    return now[0] is not None and (now[0] is not before[0] or now[1] != before[1])


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])
