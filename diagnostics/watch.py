"""Watching a run: one tap, some instruments, one recorder, in the shape of an SB3 callback."""

import copy
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
from goalscope.diagnostics.instruments.balance import UpdateInstrument, metric_keys
from goalscope.diagnostics.instruments.goal_sensitivity import GoalInstrument
from goalscope.diagnostics.instruments.training_state import KEYS as TRAINING_KEYS
from goalscope.diagnostics.instruments.training_state import TrainingState
from goalscope.diagnostics.isolation import isolated_generators
from goalscope.diagnostics.record import PROBE_SET_FILE
from goalscope.diagnostics.recorder import Recorder
from goalscope.diagnostics.routing import RoutingWatch
from goalscope.diagnostics.schedule import Schedule
from goalscope.diagnostics.tap import Tap, TrackedUpdate
from goalscope.probes import Network, UnsupportedPolicy, view_networks

STATE_EVERY = 50


class Diagnostics(BaseCallback):
    """Watches a run with a set of instruments; the base of the public callbacks.

    Args:
        folder: where the record goes; None writes to the SB3 logger alone.
        instruments: what measures the tapped updates.
        goal: the instrument of goal sensitivity, if any.
        settings: further settings for run.json, such as the environment's, flat.
        arm: name of the configuration, for comparisons.
        resume: what `state_dict` returned when the run in the folder was last saved; None begins a
            new one.

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
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._recorder = Recorder(None if folder is None else Path(folder), resume is not None)
        self._resume = resume
        self._instruments = instruments
        self._goal = goal
        self._settings = dict(settings or {})
        self._arm = arm
        self._training_state = TrainingState()
        self._state_schedule = Schedule(STATE_EVERY)
        self._routing: RoutingWatch | None = None
        self._networks: dict[str, Network] = {}
        self._keys: list[str] = []
        self._last_state = -1
        self._broke = False
        self._last_sensitivity = -1
        if resume is not None:
            self._last_state = resume["last_state"]
            self._last_sensitivity = resume["last_sensitivity"]
            self._recorder.failures.update(resume["failures"])
            self._training_state.load_state_dict(resume["training_state"])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know of its record, as JSON values.

        Take it together with the agent's own state, between an update and the next step. Windows of
        recent gradients are not in it: they begin anew, and the record says how full they are.
        """
        return {
            "lines": self._recorder.lines,
            "last_state": self._last_state,
            "last_sensitivity": self._last_sensitivity,
            "failures": dict(self._recorder.failures),
            "training_state": self._training_state.state_dict(),
        }

    def record(self, name: str, measure: Callable[[], Mapping[str, Tensor | float]]) -> None:
        """Record what `measure` returns at this update, record key -> value.

        For what others measure beside the instruments, such as success. One that raises is counted
        under `name` and skipped.
        """
        self._recorder.measure(name, self.model._n_updates, measure)

    def fail(self, name: str, error: Exception) -> None:
        """Count a failure of what runs beside the instruments, with its cause, in the record."""
        self._recorder.fail(name, self.model._n_updates, error)

    @property
    def failures(self) -> dict[str, int]:
        """Instrument -> how often its measurement raised."""
        return dict(self._recorder.failures)

    # SB3's events

    def _on_training_start(self) -> None:
        if not isinstance(self.model, OffPolicyAlgorithm):
            raise UnsupportedPolicy(
                f"{type(self.model).__name__} is not watched: goalscope needs an off-policy "
                "actor-critic of SB3 (SAC, TD3, DDPG)"
            )
        with isolated_generators(seed=0):
            self._networks = view_networks(self.model.policy)
        self._recorder.open(self.model, self._run_info)
        if self._resume is not None:
            kept, lost = self._resume["lines"], bool(self._resume.get("lost_buffer"))
            self._recorder.resumed(self.model._n_updates, kept, lost)
        self._save_probe_set()
        if not self._keys:
            self._rehearse()
        self._recorder.announce(self._keys)
        start = self.model._n_updates
        self._tap = Tap(
            self._networks,
            start=start,
            is_due=self._is_due,
            on_first=lambda: self._measure_first(start),
            on_update=self._measure_update,
            on_failure=lambda error: self._recorder.fail("tap", self._tap.update, error),
        )
        self._routing = RoutingWatch(self.model, self._networks)

    def _on_step(self) -> bool:
        infos, dones = self.locals.get("infos"), self.locals.get("dones")
        if infos is not None and dones is not None:
            self._training_state.watch_step(infos, np.asarray(dones))
        return True

    def _on_rollout_start(self) -> None:
        # Here, because SB3's next dump clears what it logged of the last updates.
        self._write_routing()
        update = self._tap.update
        due = any(self._state_schedule.due(u) for u in range(self._last_state + 1, update + 1))
        broke = self._training_state.broke(self.model)
        if due or (broke and not self._broke):
            self._measure_training_state(update)
        self._broke = broke

    def _on_training_end(self) -> None:
        self._tap.detach()
        self._write_routing()
        if self._routing is not None:
            self._routing.detach()
        if self._tap.update:
            self._measure_sensitivity(self._tap.update)
            self._measure_training_state(self._tap.update)
        self._recorder.end(self._tap.update, "finished")

    # What is measured, and when

    def _is_due(self, update: int) -> bool:
        return any(i.schedule.due(update - i.offset) for i in self._instruments) or (
            self._goal is not None and self._goal.schedule.due(update)
        )

    def _measure_update(self, tracked: TrackedUpdate) -> None:
        for instrument in self._instruments:
            update = tracked.update - instrument.offset
            if instrument.schedule.due(update):
                self._recorder.measure(
                    instrument.name,
                    update,
                    lambda i=instrument: i.measure(tracked, self._networks),  # type: ignore[misc]
                )
        if self._goal is not None and self._goal.schedule.due(tracked.update):
            self._measure_sensitivity(tracked.update)

    def _measure_first(self, update: int) -> None:
        """Measure the untouched agent; one that goes on has been measured before."""
        if self._resume is None or self._last_sensitivity < 0:
            self._measure_sensitivity(update)

    def _measure_sensitivity(self, update: int) -> None:
        goal = self._goal
        if goal is None or update == self._last_sensitivity:
            return
        self._last_sensitivity = update
        given = goal.probe_set is not None
        with self._tap.suspended():
            self._recorder.measure(
                goal.name, update, lambda: goal.measure(self.model, self._networks, update)
            )
        if not given:
            self._save_probe_set()

    def _measure_training_state(self, update: int) -> None:
        self._last_state = update
        state = self._training_state
        self._recorder.measure(state.name, update, lambda: state.measure(self.model))

    def _rehearse(self) -> None:
        """Learn every key the instruments can produce, from a rehearsal on random numbers."""
        try:
            with torch.no_grad(), isolated_generators(seed=0):
                keys = metric_keys(copy.deepcopy(self._instruments), self._networks)
                if self._goal is not None:
                    keys += self._goal.metric_keys(self._networks)
            self._keys = [*keys, *TRAINING_KEYS]
        except Exception as error:  # as in Recorder.measure
            self._recorder.fail("rehearsal", self.model._n_updates, error)

    def _write_routing(self) -> None:
        if self._routing is None or not self._routing.seen:
            return
        try:
            self._recorder.write_routing(self._routing.rows())
        except Exception as error:  # as in Recorder.measure
            self._recorder.fail("routing", self._tap.update, error)
        self._routing.detach()
        self._routing = None

    # What the record says of the run

    def _save_probe_set(self) -> None:
        fixed = None if self._goal is None else self._goal.probe_set
        folder = self._recorder.folder
        if fixed is not None and folder is not None and not (folder / PROBE_SET_FILE).exists():
            fixed.save(folder / PROBE_SET_FILE)

    def _run_info(self) -> dict[str, Any]:
        assert self._recorder.folder is not None
        schedules = {i.name: i.schedule for i in self._instruments}
        probe_set = None
        if self._goal is not None:
            schedules[self._goal.name] = self._goal.schedule
            fixed = self._goal.probe_set
            source = "this run's own replay buffer before its first tracked update"
            probe_set = {"source": source} if fixed is None else fixed.describe()
        return {
            "name": self._recorder.folder.resolve().name,
            "arm": self._arm,
            "seed": self.model.seed,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": provenance.command_line(),
            "settings": {**self._settings, **provenance.agent_settings(self.model)},
            "versions": provenance.software_versions(),
            "hardware": provenance.hardware(self.model.device),
            "networks": provenance.describe_networks(self._networks),
            "instruments": {name: {"every": s.every} for name, s in schedules.items()},
            "probe_set": probe_set,
            "notes": provenance.notes_on(self._networks),
        }
