"""The callbacks a user attaches: each instrument alone, and their sum."""

import copy
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from goalscope.diagnostics import provenance
from goalscope.diagnostics.goal_instrument import GoalInstrument
from goalscope.diagnostics.instruments import (
    FeatureInstrument,
    GradientInstrument,
    UpdateInstrument,
    metric_keys,
)
from goalscope.diagnostics.isolation import isolated_generators
from goalscope.diagnostics.probe_set import ProbeSet, load_probe_set
from goalscope.diagnostics.record import PROBE_SET_FILE, Line, RecordWriter, refuse_existing_run
from goalscope.diagnostics.routing import RoutingWatch
from goalscope.diagnostics.schedule import Schedule
from goalscope.diagnostics.tap import Tap, TrackedUpdate
from goalscope.diagnostics.training_state import KEYS as TRAINING_KEYS
from goalscope.diagnostics.training_state import TrainingState
from goalscope.probes import Network, UnsupportedPolicy, view_networks

FEATURES_EVERY = 50
GRADIENTS_EVERY = 50
SENSITIVITY_EVERY = 250
SENSITIVITY_GROWTH = 2.0  # the dearest instrument starts out sparser

_log = logging.getLogger("goalscope")


class Diagnostics(BaseCallback):
    """Watches a run with a set of instruments; the base of the public callbacks.

    Args:
        folder: where the record goes; None writes to the SB3 logger alone.
        instruments: what measures the tapped updates.
        goal: the instrument of goal sensitivity, if any.
        settings: further settings for run.json, such as the environment's, flat.
        arm: name of the configuration, for comparisons.

    Raises:
        RecordError: the folder already holds a run (at construction).
        UnsupportedPolicy: the agent is no off-policy actor-critic with a Dict observation (as
            training starts).
    """

    model: OffPolicyAlgorithm

    def __init__(
        self,
        folder: Path | str | None,
        instruments: Sequence[UpdateInstrument],
        goal: GoalInstrument | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        arm: str | None = None,
    ) -> None:
        super().__init__()
        self._folder = None if folder is None else Path(folder)
        if self._folder is not None:
            refuse_existing_run(self._folder)
        self._instruments = instruments
        self._goal = goal
        self._settings = dict(settings or {})
        self._arm = arm
        self._training_state = TrainingState()
        self._state_schedule = Schedule(FEATURES_EVERY)
        self._writer: RecordWriter | None = None
        self._routing: RoutingWatch | None = None
        self._networks: dict[str, Network] = {}
        self._keys: list[str] = []
        self._failures: Counter[str] = Counter()
        self._last_state = -1
        self._last_sensitivity = -1

    @property
    def failures(self) -> dict[str, int]:
        """Instrument -> how often its measurement raised."""
        return dict(self._failures)

    def _on_training_start(self) -> None:
        if not isinstance(self.model, OffPolicyAlgorithm):
            raise UnsupportedPolicy(
                f"{type(self.model).__name__} is not watched: goalscope needs an off-policy "
                "actor-critic of SB3 (SAC, TD3, DDPG)"
            )
        with isolated_generators(seed=0):
            self._networks = view_networks(self.model.policy)
        if self._folder is not None and self._writer is None:
            self._writer = RecordWriter(self._folder, self._run_info())
            if self._goal is not None and self._goal.probe_set is not None:
                self._goal.probe_set.save(self._folder / PROBE_SET_FILE)
        self._tap = Tap(
            self._networks,
            start=self.model._n_updates,
            is_due=self._is_due,
            on_first=lambda: self._measure_sensitivity(self.model._n_updates),
            on_update=self._measure_update,
            on_failure=lambda error: self._fail("tap", error),
        )
        self._routing = RoutingWatch(self.model, self._networks)
        with self._tap.suspended():
            self._announce_keys()

    def _on_step(self) -> bool:
        infos, dones = self.locals.get("infos"), self.locals.get("dones")
        if infos is not None and dones is not None:
            self._training_state.watch_step(infos, np.asarray(dones))
        return True

    def _on_rollout_start(self) -> None:
        # Before SB3's next dump clears what it logged of the last updates.
        self._write_routing()
        update = self._tap.update
        if any(self._state_schedule.due(u) for u in range(self._last_state + 1, update + 1)):
            self._measure_training_state(update)

    def _on_training_end(self) -> None:
        self._tap.detach()
        self._write_routing()
        if self._routing is not None:
            self._routing.detach()
        if self._tap.update:
            self._measure_sensitivity(self._tap.update)
            self._measure_training_state(self._tap.update)
        self._write(Line(self._step, self._tap.update, event="end", details={"reason": "finished"}))

    # When

    def _is_due(self, update: int) -> bool:
        return any(i.schedule.due(update - i.offset) for i in self._instruments) or (
            self._goal is not None and self._goal.schedule.due(update)
        )

    # What

    def _measure_update(self, tracked: TrackedUpdate) -> None:
        for instrument in self._instruments:
            update = tracked.update - instrument.offset
            if instrument.schedule.due(update):
                self._measure(
                    instrument.name,
                    update,
                    lambda i=instrument: i.measure(tracked, self._networks),  # type: ignore[misc]
                )
        if self._goal is not None and self._goal.schedule.due(tracked.update):
            self._measure_sensitivity(tracked.update)

    def _measure_sensitivity(self, update: int) -> None:
        goal = self._goal
        if goal is None or update == self._last_sensitivity:
            return
        self._last_sensitivity = update
        given = goal.probe_set is not None
        with self._tap.suspended():
            self._measure(
                goal.name, update, lambda: goal.measure(self.model, self._networks, update)
            )
        if not given and goal.probe_set is not None and self._writer is not None:
            goal.probe_set.save(self._writer.folder / PROBE_SET_FILE)

    def _measure_training_state(self, update: int) -> None:
        self._last_state = update
        self._measure(
            self._training_state.name, update, lambda: self._training_state.measure(self.model)
        )

    def _measure(
        self, instrument: str, update: int, measure: Callable[[], Mapping[str, Tensor | float]]
    ) -> None:
        """Record what an instrument measures; one that raises is counted and skipped."""
        try:
            with torch.no_grad():
                values = _to_floats(measure())
        except Exception as error:  # a measurement must never end the training it watches
            self._fail(instrument, error)
            return
        for key, value in values.items():
            self._log_to_sb3(key, value)
        self._write(Line(self._step, update, values))

    def _write_routing(self) -> None:
        if self._routing is None or not self._routing.seen:
            return
        try:
            rows = self._routing.rows()
            if self._writer is not None:
                self._writer.write_routing(rows)
        except Exception as error:  # as above
            self._fail("routing", error)
        self._routing.detach()
        self._routing = None

    # Where to

    @property
    def _step(self) -> int:
        return int(self.model.num_timesteps)

    def _log_to_sb3(self, key: str, value: float) -> None:
        # SB3's stdout table cuts keys at 36 characters and raises where two then collide.
        self.logger.record(key, value, exclude=("stdout", "log"))

    def _announce_keys(self) -> None:
        """Give SB3's logger every key before its first dump.

        Its CSV writer rewrites the whole file for each column that comes later.
        """
        if not self._keys:
            try:
                self._keys = self._rehearse()
            except Exception as error:  # as in _measure
                self._fail("rehearsal", error)
        for key in self._keys:
            self._log_to_sb3(key, float("nan"))

    def _rehearse(self) -> list[str]:
        keys = [*metric_keys(copy.deepcopy(self._instruments), self._networks), *TRAINING_KEYS]
        if self._goal is not None:
            with torch.no_grad(), isolated_generators(seed=0):
                keys += self._goal.metric_keys(self._networks)
        return keys

    def _write(self, line: Line) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(line)
        except OSError as error:
            self._failures["record"] += 1
            if self._failures["record"] == 1:
                _log.warning(
                    "goalscope: cannot write to %s (%s); training goes on, these numbers are lost",
                    self._writer.folder,
                    error,
                )

    def _fail(self, instrument: str, error: Exception) -> None:
        self._failures[instrument] += 1
        cause = f"{type(error).__name__}: {error}".splitlines()[0]
        if self._failures[instrument] == 1:
            _log.warning(
                "goalscope: %s failed (%s); training goes on without it, later failures are "
                "counted in the record",
                instrument,
                cause,
            )
        details = {"instrument": instrument, "cause": cause, "count": self._failures[instrument]}
        self._write(Line(self._step, self._tap.update, event="failure", details=details))

    def _run_info(self) -> dict[str, Any]:
        assert self._folder is not None
        given = self._settings
        probe_set = None
        if self._goal is not None:
            fixed = self._goal.probe_set
            source = "this run's own replay buffer before its first tracked update"
            probe_set = {"source": source} if fixed is None else fixed.describe()
        schedules = [(i.name, i.schedule) for i in self._instruments]
        if self._goal is not None:
            schedules.append((self._goal.name, self._goal.schedule))
        return {
            "name": self._folder.resolve().name,
            "arm": self._arm,
            "seed": self.model.seed,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": provenance.command_line(),
            "settings": {**given, **provenance.agent_settings(self.model)},
            "versions": provenance.software_versions(),
            "hardware": provenance.hardware(self.model.device),
            "networks": provenance.describe_networks(self._networks),
            "instruments": {name: {"every": schedule.every} for name, schedule in schedules},
            "probe_set": probe_set,
            "notes": provenance.notes_on(self._networks),
        }


class FeatureStatistics(Diagnostics):
    """Records feature statistics and forward signal of every block.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
    """

    def __init__(self, folder: Path | str | None = None, every: int = FEATURES_EVERY) -> None:
        super().__init__(folder, [FeatureInstrument(Schedule(every))])


class GradientBalance(Diagnostics):
    """Records how each loss's gradient, and the step taken, divide between the blocks.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
    """

    def __init__(self, folder: Path | str | None = None, every: int = GRADIENTS_EVERY) -> None:
        super().__init__(folder, [GradientInstrument(Schedule(every))])


class GoalSensitivity(Diagnostics):
    """Records how much Q and the policy listen to the goal.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
        probe_set: fixed observations, or the file that holds them; None takes them from the run's
            own replay buffer, so that runs cannot be compared on them.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        every: int = SENSITIVITY_EVERY,
        probe_set: ProbeSet | Path | str | None = None,
    ) -> None:
        super().__init__(folder, [], _goal_instrument(every, probe_set))


class ModalityDiagnostics(Diagnostics):
    """The sum of `FeatureStatistics`, `GradientBalance` and `GoalSensitivity` in one record.

    Args:
        folder: a new run folder, such as "runs/mine".
        features_every: cadence of feature statistics in updates.
        gradients_every: cadence of gradient balance in updates.
        sensitivity_every: cadence of goal sensitivity in updates; None leaves it out.
        probe_set: fixed observations, or the file that holds them; None takes them from the run's
            own replay buffer, so that runs cannot be compared on them.
        settings: further settings for run.json, such as the environment's: flat, JSON values.
        arm: name of the configuration, for comparisons.
    """

    def __init__(
        self,
        folder: Path | str | None,
        *,
        features_every: int = FEATURES_EVERY,
        gradients_every: int = GRADIENTS_EVERY,
        sensitivity_every: int | None = SENSITIVITY_EVERY,
        probe_set: ProbeSet | Path | str | None = None,
        settings: Mapping[str, Any] | None = None,
        arm: str | None = None,
    ) -> None:
        goal = None if sensitivity_every is None else _goal_instrument(sensitivity_every, probe_set)
        super().__init__(
            folder,
            [
                FeatureInstrument(Schedule(features_every)),
                GradientInstrument(Schedule(gradients_every)),
            ],
            goal,
            settings=settings,
            arm=arm,
        )


def _goal_instrument(every: int, probe_set: ProbeSet | Path | str | None) -> GoalInstrument:
    fixed = load_probe_set(Path(probe_set)) if isinstance(probe_set, Path | str) else probe_set
    return GoalInstrument(Schedule(every, SENSITIVITY_GROWTH), fixed)


def _to_floats(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Return plain floats, with a single transfer for all that lie on the agent's device."""
    tensors = {key: value for key, value in values.items() if isinstance(value, Tensor)}
    if not tensors:
        return {key: float(value) for key, value in values.items()}
    device = next(iter(tensors.values())).device
    stacked = torch.stack([value.to(device, torch.float32) for value in tensors.values()])
    moved = dict(zip(tensors, stacked.tolist(), strict=True))
    return {key: float(moved.get(key, value)) for key, value in values.items()}
