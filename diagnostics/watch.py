"""Watching a run: one tap, a list of instruments, one recorder, in the shape of an SB3 callback."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment, Values
from goalscope.diagnostics.instruments.training_state import TrainingState
from goalscope.diagnostics.logged_evaluations import LoggedEvaluations
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.provenance import describe_run
from goalscope.diagnostics.record import PROBE_SET_FILE, Line, RunInfo
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.diagnostics.recorder import Recorder
from goalscope.diagnostics.updates.isolation import isolated_generators
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tap import Tap
from goalscope.diagnostics.updates.tracked import TrackedUpdate
from goalscope.probes import Network, UnsupportedPolicy, view_networks

STATE_EVERY = 50


class Diagnostics(BaseCallback):
    """Watches a run with a list of instruments; the base of the public callbacks.

    The state of training is always among them.

    Args:
        folder: where the record goes; None writes to the SB3 logger alone.
        instruments: what measures, in the order in which it is measured.
        probe_set: the fixed states that instruments ask about; None takes them from the run's own
            replay buffer.
        settings: further settings for run.json, such as the environment's, flat.
        arm: name of the configuration, for comparisons.
        seed: of the run; None takes the agent's own.
        resume: what `state_dict` returned when the run in the folder was last saved; None begins a
            new one.

    Raises:
        RecordError: the folder already holds a run (at construction).
        UnsupportedPolicy: the agent is no off-policy actor-critic with a Dict observation (as
            training starts).
        ProbeSetError: the probe set was gathered for other observations (as training starts).
    """

    model: OffPolicyAlgorithm

    def __init__(
        self,
        folder: Path | str | None,
        instruments: Sequence[Instrument],
        *,
        probe_set: ProbeSet | None = None,
        settings: Mapping[str, Any] | None = None,
        arm: str | None = None,
        seed: int | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._recorder = Recorder(None if folder is None else Path(folder), resume is not None)
        self._resume = resume
        self._chosen = instruments
        self._instruments = [*instruments, TrainingState(Schedule(STATE_EVERY))]
        self._probe_set = RunProbeSet(probe_set)
        self._asks_probe_set = any(instrument.asks_probe_set for instrument in instruments)
        self._settings = dict(settings or {})
        self._arm, self._seed = arm, seed
        self._routing: RoutingWatch | None = None
        self._networks: dict[str, Network] = {}
        self._keys: list[str] = []
        self._evaluations: LoggedEvaluations | None = None
        self._is_evaluated = False  # by what records here
        self._last: dict[str, int] = {}  # instrument -> update at which it last measured
        if resume is not None:
            self._recorder.failures.update(resume["failures"])
            self._last |= resume["last"]
            for instrument in self._instruments:
                instrument.load_state_dict(resume["instruments"][instrument.name])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know of its record, as JSON values.

        Take it together with the agent's own state, between an update and the next step. Windows of
        recent gradients are not in it: they begin anew, and the record says how full they are.
        """
        return {
            "lines": self._recorder.lines,
            "failures": dict(self._recorder.failures),
            "last": dict(self._last),
            "instruments": {i.name: i.state_dict() for i in self._instruments},
        }

    def record(self, name: str, measure: Callable[[Context], Values]) -> None:
        """Record what `measure` returns now, record key -> value.

        For what others measure beside the instruments, such as success; success that SB3 logs is
        then left where it is. One that raises is counted under `name` and skipped.
        """
        update = self.model._n_updates

        def measured() -> Values:
            values = measure(self._context(update))
            self._is_evaluated |= SUCCESS_RATE.key() in values
            return values

        self._recorder.measure(name, update, measured)

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
        if isinstance(observed := self.model.observation_space, spaces.Dict):
            self._probe_set.refuse_other_observations(observed)
        self._read_evaluations()
        self._recorder.open(self.model, self._run_info)
        if self._resume is not None:
            kept, lost = self._resume["lines"], bool(self._resume.get("lost_buffer"))
            self._recorder.resumed(self.model._n_updates, kept, lost)
        self._save_probe_set()
        if not self._keys:
            self._dry_run()
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
            for instrument in self._instruments:
                instrument.watch_step(infos, np.asarray(dones))
        return True

    def _on_rollout_start(self) -> None:
        # Here, because SB3's next dump clears what it logged of the last updates.
        self._write_routing()
        update = self._tap.update
        for instrument in self._at(Moment.BETWEEN):
            passed = range(self._last.get(instrument.name, -1) + 1, update + 1)
            if instrument.is_urgent(self.model) or any(map(instrument.schedule.due, passed)):
                self._measure(instrument, update)

    def _on_training_end(self) -> None:
        self._tap.detach()
        if self._evaluations is not None:
            self._evaluations.detach()
        self._write_routing()
        if self._routing is not None:
            self._routing.detach()
        if self._tap.update:
            for instrument in self._at(Moment.STATE, Moment.BETWEEN):
                self._measure(instrument, self._tap.update)
        self._recorder.end(self._tap.update, "finished")

    # What is measured, and when

    def _at(self, *moments: Moment) -> list[Instrument]:
        return [instrument for instrument in self._instruments if instrument.moment in moments]

    def _is_due(self, update: int) -> bool:
        return any(
            instrument.schedule.due(instrument.moment.recorded(update))
            for instrument in self._at(Moment.PASSES, Moment.GRADIENTS, Moment.STATE)
        )

    def _measure_first(self, update: int) -> None:
        """Measure the untouched agent; one that goes on has been measured before."""
        for instrument in self._at(Moment.STATE):
            if self._resume is None or instrument.name not in self._last:
                self._measure(instrument, update)

    def _measure_update(self, tracked: TrackedUpdate) -> None:
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS, Moment.STATE):
            update = instrument.moment.recorded(tracked.update)
            if instrument.schedule.due(update):
                self._measure(instrument, update, tracked)

    def _measure(
        self, instrument: Instrument, update: int, seen: TrackedUpdate | None = None
    ) -> None:
        if instrument.moment is Moment.STATE and self._last.get(instrument.name) == update:
            return  # the last update is also the end
        self._last[instrument.name] = update
        context = self._context(update, seen)
        with self._tap.suspended(), isolated_generators(seed=update):
            self._recorder.measure(instrument.name, update, lambda: instrument.measure(context))
        self._save_probe_set()

    def _context(self, update: int, seen: TrackedUpdate | None = None) -> Context:
        return Context(update, self.model, self._networks, self._probe_set, seen)

    def _dry_run(self) -> None:
        """Learn every key that the instruments can write."""
        try:
            with torch.no_grad(), isolated_generators(seed=0):
                context = self._context(self.model._n_updates)
                self._keys = [key for i in self._instruments for key in i.keys(context)]
        except Exception as error:  # as in Recorder.measure
            self._recorder.fail("dry_run", self.model._n_updates, error)

    def _write_routing(self) -> None:
        if self._routing is None or not self._routing.seen:
            return
        try:
            self._recorder.write_routing(self._routing.rows())
        except Exception as error:  # as in Recorder.measure
            self._recorder.fail("routing", self._tap.update, error)
        self._routing.detach()
        self._routing = None

    # What SB3 measures by itself

    def _read_evaluations(self) -> None:
        if self._evaluations is not None:  # of a training that was broken off
            self._evaluations.detach()
        callback = self.locals.get("callback", self)
        self._evaluations = LoggedEvaluations(self.logger, callback, self._take_evaluation)

    def _take_evaluation(self, read: Callable[[], dict[str, float]]) -> None:
        if self._is_evaluated:
            return
        try:  # not `Recorder.measure`: SB3's logger, which is being read, is left as it is
            values = read()
        except Exception as error:
            self.fail("evaluation", error)
        else:
            self._recorder.write(Line(self.model.num_timesteps, self.model._n_updates, values))

    # What the record says of the run

    def _save_probe_set(self) -> None:
        if self._asks_probe_set and self._recorder.folder is not None:
            self._probe_set.save(self._recorder.folder / PROBE_SET_FILE)

    def _run_info(self) -> RunInfo:
        assert self._recorder.folder is not None
        return describe_run(
            self._recorder.folder,
            self.model,
            self._networks,
            settings={
                **(self._evaluations.settings() if self._evaluations else {}),
                **self._settings,
            },
            arm=self._arm,
            seed=self._seed,
            cadences={instrument.name: instrument.schedule.every for instrument in self._chosen},
            probe_set=self._probe_set.describe() if self._asks_probe_set else None,
        )
