"""Watching a run: one tap, a list of instruments, one recorder, in the shape of an SB3 callback."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.diagnostics.folders import Folder
from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment, Values
from goalscope.diagnostics.instruments.training_state import TrainingState
from goalscope.diagnostics.logged_evaluations import LoggedEvaluations
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.witness import environment_step
from goalscope.diagnostics.other_callbacks import refuse_training_elsewhere
from goalscope.diagnostics.provenance import describe_run
from goalscope.diagnostics.record import PROBE_SET_FILE, Line, RunInfo
from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.diagnostics.recorder import Recorder
from goalscope.diagnostics.updates.requests import Requests
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tap import Tap
from goalscope.diagnostics.updates.tracked import TrackedUpdate
from goalscope.probes import Network, UnsupportedPolicy, view_networks
from goalscope.probes.isolation import isolated_generators

STATE_EVERY = 50


class Diagnostics(BaseCallback):
    """Watches a run with instruments, the state of training always among them; the public base.

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
        folder: Folder,
        instruments: Sequence[Instrument],
        *,
        probe_set: ProbeSet | None = None,
        settings: Mapping[str, Any] | None = None,
        arm: str | None = None,
        seed: int | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._recorder = Recorder(folder, resume is not None)
        self._resume = resume
        self._chosen = instruments
        self._instruments = [*instruments, TrainingState(Schedule(STATE_EVERY))]
        self._probe_set = RunProbeSet(probe_set)
        self._settings, self._arm, self._seed = dict(settings or {}), arm, seed
        self._tap: Tap | None = None
        self._routing: RoutingWatch | None = None
        self._training: float | None = None  # the call of `learn()` that is watched
        self._requests: dict[str, Requests] = {}  # of instruments that look at losses
        self._networks: dict[str, Network] = {}
        self._keys: list[str] = []
        self._evaluations: LoggedEvaluations | None = None
        self._is_evaluated = False  # by what records here
        self._last: dict[str, int] = {}  # instrument -> update at which it last measured
        if resume is not None:
            self._recorder.failures.update(resume["failures"])
            self._last |= resume["last"]
            for instrument in self._instruments:
                if instrument.name in resume["instruments"]:  # else it did not apply
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
            "answered": {name: dict(r.answered) for name, r in self._requests.items()},
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
        refuse_training_elsewhere(self.locals.get("callback"))
        self._detach()  # what an earlier call of `learn()` that an exception ended left behind
        self._training = self.model.start_time
        with isolated_generators(seed=0):
            self._networks = view_networks(self.model.policy)
        self._chosen = [i for i in self._chosen if i.applies(self.model)]
        self._instruments = [i for i in self._instruments if i.applies(self.model)]
        if isinstance(observed := self.model.observation_space, spaces.Dict):
            self._probe_set.refuse_other_observations(observed)
        self._read_evaluations()
        self._recorder.open(self.model, self._run_info)
        start = self.model._n_updates
        if self._resume is not None:
            self._recorder.resumed(start, self._resume["lines"], "lost_buffer" in self._resume)
        self._save_probe_set()
        if not self._keys:
            self._dry_run()
        self._recorder.announce(self._keys)
        answered = (self._resume or {}).get("answered", {})
        self._requests = {
            i.name: Requests(i.schedule, i.moment.recorded(start + 1) - 1, answered.get(i.name))
            for i in self._at(Moment.PASSES, Moment.GRADIENTS)
        }
        self._tap = Tap(
            self._networks,
            start=start,
            wanted=self._wanted,
            on_first=lambda: self._measure_first(start),
            on_update=self._measure_update,
            on_failure=self._lose_update,
            on_note=lambda note: self._recorder.note(self._update, note),
            is_live=self._is_live,
        )
        with self._recorder.guarded("routing", start):
            self._routing = RoutingWatch(
                self.model,
                self._networks,
                lambda error: self._recorder.fail("routing", self._update, error),
            )

    def _on_step(self) -> bool:
        with self._recorder.guarded("steps", self._update):
            acted = None if self._tap is None else self._tap.acted()
            step = environment_step(self.model, self.locals, acted)
            for instrument in self._instruments:
                if step is not None:
                    instrument.watch_step(step)
        return self._recorder.stopped is None

    def _on_rollout_start(self) -> None:
        # Here, because SB3's next dump clears what it logged of the last updates.
        if self._routing is not None and self._routing.seen():
            self._write_routing(self._routing)
        update = self._update
        for instrument in self._at(Moment.BETWEEN):
            passed = range(self._last.get(instrument.name, -1) + 1, update + 1)
            if instrument.is_urgent(self.model) or any(map(instrument.schedule.due, passed)):
                self._measure(instrument, update)

    def _on_training_end(self) -> None:
        if self._tap is None:
            return  # never begun, or told before: rl_zoo3 tells its first callback again
        self._tap.finish()
        if self._routing is not None and self._routing.stepped:
            self._write_routing(self._routing)
        if self._update:
            for instrument in self._at(Moment.STATE, Moment.BETWEEN):
                self._measure(instrument, self._update)
        self._recorder.end(self._update)
        self._detach()

    # As long as this training goes on

    @property
    def _update(self) -> int:
        """Updates made, as the tap counts them: SB3 counts some only after several of them."""
        return self.model._n_updates if self._tap is None else self._tap.update

    def _is_live(self) -> bool:
        """Whether the call of `learn()` that is watched still goes on.

        One that an exception or Ctrl-C ended never says so. When the agent encodes something in the
        next one, nothing of what watched stays behind.
        """
        if self.model.start_time == self._training:
            return True
        self._detach()
        return False

    def _detach(self) -> None:
        if self._tap is not None:
            self._tap.detach()
        if self._routing is not None:
            self._routing.detach()
        if self._evaluations is not None:
            self._evaluations.detach()
        self._tap = self._routing = self._evaluations = None

    # What is measured, and when

    def _at(self, *moments: Moment) -> list[Instrument]:
        return [instrument for instrument in self._instruments if instrument.moment in moments]

    def _wanted(self, update: int) -> set[str]:
        """Return the losses to track in an update."""
        if any(i.schedule.due(update) for i in self._at(Moment.STATE)):
            return set(LOSSES)
        found: set[str] = set()
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS):
            recorded = instrument.moment.recorded(update)
            found |= self._requests[instrument.name].open(recorded)
        return found

    def _measure_first(self, update: int) -> None:
        """Measure the untouched agent; one that goes on has been measured before."""
        for instrument in self._at(Moment.STATE):
            if self._resume is None or instrument.name not in self._last:
                self._measure(instrument, update)

    def _measure_update(self, tracked: TrackedUpdate) -> None:
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS, Moment.STATE):
            update = instrument.moment.recorded(tracked.update)
            if instrument.moment is Moment.STATE:
                if instrument.schedule.due(update):
                    self._measure(instrument, update, tracked)
                continue
            requests = self._requests[instrument.name]
            losses = requests.open(update) & tracked.stepped
            if losses:
                requests.answer(losses, update)
                self._measure(instrument, update, tracked.of(losses))

    def _lose_update(self, error: Exception) -> None:
        """Count an update that could not be seen; what was due at it is due no longer."""
        self._recorder.fail("tap", self._update, error)
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS):
            recorded = instrument.moment.recorded(self._update)
            self._requests[instrument.name].answer(LOSSES, recorded)

    def _measure(
        self, instrument: Instrument, update: int, seen: TrackedUpdate | None = None
    ) -> None:
        if instrument.moment is Moment.STATE and self._last.get(instrument.name) == update:
            return  # the last update is also the end
        self._last[instrument.name] = update
        context = self._context(update, seen)
        suspended = nullcontext() if self._tap is None else self._tap.suspended()
        with suspended, isolated_generators(seed=update):
            self._recorder.measure(instrument.name, update, lambda: instrument.measure(context))
        self._save_probe_set()

    def _context(self, update: int, seen: TrackedUpdate | None = None) -> Context:
        return Context(update, self.model, self._networks, self._probe_set, seen)

    def _dry_run(self) -> None:
        """Learn every key that the instruments can write."""
        context = self._context(self.model._n_updates)
        for instrument in self._instruments:
            with (
                self._recorder.guarded("dry_run", context.update),
                torch.no_grad(),
                isolated_generators(seed=0),
            ):
                self._keys += instrument.keys(context)

    def _write_routing(self, routing: RoutingWatch) -> None:
        with self._recorder.guarded("routing", self._update):
            self._recorder.write_routing(routing.rows())
        routing.detach()
        self._routing = None

    # What SB3 measures by itself

    def _read_evaluations(self) -> None:
        callback = self.locals.get("callback", self)
        self._evaluations = LoggedEvaluations(self.logger, callback, self._take_evaluation)

    def _take_evaluation(self, read: Callable[[], dict[str, float]]) -> None:
        if self._is_evaluated:
            return
        # Not `Recorder.measure`: SB3's logger, which is being read, is left as it is.
        with self._recorder.guarded("evaluation", self.model._n_updates):
            self._recorder.write(Line(self.model.num_timesteps, self.model._n_updates, read()))

    # What the record says of the run

    @property
    def _asks_probe_set(self) -> bool:
        return any(instrument.asks_probe_set for instrument in self._chosen)

    def _save_probe_set(self) -> None:
        if self._asks_probe_set and self._recorder.folder is not None:
            with self._recorder.guarded("probe_set", self._update):
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
