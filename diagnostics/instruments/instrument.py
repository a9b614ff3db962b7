"""What an instrument is: one kind of measurement, what it looks at, and when.

A new one is one file in this folder, with its metrics in `record/metrics.py`: a class with a name,
a moment and `measure`. `ModalityDiagnostics` and its parts are lists of them.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from goalscope.diagnostics.instruments.dry_run import made_up_update
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.witness import EnvironmentStep
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tracked import TrackedUpdate
from goalscope.probes import Network

Values = Mapping[str, Tensor | float]


class Moment(Enum):
    """When an instrument looks.

    Attributes:
        PASSES: at a tracked update, at its forward passes: the state before it.
        GRADIENTS: at a tracked update, at its gradients and steps: the update itself.
        STATE: after an update, before the first and at the end, at an agent that is asked questions
            of its own.
        BETWEEN: before a rollout, at what SB3 has logged of the updates before.
    """

    PASSES = "passes"
    GRADIENTS = "gradients"
    STATE = "state"
    BETWEEN = "between"

    def recorded(self, update: int) -> int:
        """Return the number under which what is seen at an update is recorded."""
        return update - 1 if self is Moment.PASSES else update


@dataclass(frozen=True)
class Context:
    """What a measurement may look at.

    Attributes:
        update: the number its values are recorded under.
        model: the agent.
        networks: its networks.
        probe_set: the fixed states of the run.
        seen: the update being tracked, if any.
        pace: updates per environment transition so far; None before the first transition.
    """

    update: int
    model: BaseAlgorithm
    networks: Mapping[str, Network]
    probe_set: RunProbeSet
    seen: TrackedUpdate | None = None
    pace: float | None = None

    @property
    def tracked(self) -> TrackedUpdate:
        """The update as the tap saw it.

        Raises:
            LookupError: none is being tracked at this moment.
        """
        if self.seen is None:
            raise LookupError("no update is tracked at this moment")
        return self.seen


class Instrument(ABC):
    """Measures one thing of an agent in training.

    Args:
        schedule: when it is due, in the updates its values are recorded under.
    """

    name: ClassVar[str]
    moment: ClassVar[Moment]
    asks_probe_set: ClassVar[bool] = False

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def applies(self, model: BaseAlgorithm) -> bool:
        """Whether there is anything to measure of an agent; asked as training starts."""
        return True

    @abstractmethod
    def measure(self, context: Context) -> Values:
        """Return record key -> scalar, tensors on the agent's device.

        They leave the device once per line of the record, not once per metric. Nothing of training
        may change; forward passes and draws from shared generators do no harm here: the tap does
        not listen, and the generators are put back.
        """

    def keys(self, context: Context) -> list[str]:
        """Return every record key it can write, from a dry run on random numbers.

        A copy measures two made-up updates: what compares an update with the one before needs two.
        """
        generator = torch.Generator().manual_seed(0)
        instrument = copy.deepcopy(self)
        found: dict[str, None] = {}
        for update in (1, 2):
            seen = made_up_update(update, context.networks, generator)
            found |= dict.fromkeys(instrument.measure(replace(context, update=update, seen=seen)))
        return list(found)

    def watch_step(self, step: EnvironmentStep) -> None:  # noqa: B027  (most have nothing to do)
        """See a step of the environments, before it is stored."""

    def is_urgent(self, model: BaseAlgorithm) -> bool:
        """Whether to measure before this rollout, due or not; asked before each, at `BETWEEN`."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs of it, as JSON values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027  (nor here)
        """Take over what `state_dict` returned."""
