"""Watching a run: one tap, a list of instruments, one recorder, in the shape of an SB3 callback."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.diagnostics.folders import Folder
from goalscope.diagnostics.instruments.instrument import Context, Instrument, Values
from goalscope.diagnostics.instruments.training_state import TrainingState
from goalscope.diagnostics.logged_evaluations import LoggedEvaluations
from goalscope.diagnostics.material.probe_set import ProbeSet
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.witness import environment_step
from goalscope.diagnostics.measuring import Measuring
from goalscope.diagnostics.other_callbacks import (
    refuse_being_called_now_and_then,
    refuse_training_elsewhere,
    refuse_watching_twice,
)
from goalscope.diagnostics.provenance import circumstances, describe_run
from goalscope.diagnostics.record import Line, RecordError, RunInfo
from goalscope.diagnostics.record.keys import CRITIC
from goalscope.diagnostics.record.metrics import SUCCESS_RATE
from goalscope.diagnostics.recorder import Recorder
from goalscope.diagnostics.updates.passes import unwatched
from goalscope.diagnostics.updates.routing import RoutingWatch
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.updates.tap import Tap
from goalscope.probes import Network, UnsupportedPolicy, view_networks
from goalscope.probes.blocks import GOAL_KEYS, GoalKeys
from goalscope.probes.families import refuse
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
            new one. "lost_buffer" or "lost_environments" in it says what was not saved with it.
        goal_keys: what the achieved and the desired goal are called in the observation.

    Raises:
        RecordError: the folder already holds a run (at construction); the callback has watched
            another agent, another one watches the same training, or another process writes to the
            record (as training starts).
        UnsupportedPolicy: the agent is laid out in no way that is known, moves in a way that cannot
            be seen, observes no Dict, or not the goals that were named (as training starts).
        ProbeSetError: the probe set was gathered for other observations (as training starts).
    """

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
        goal_keys: GoalKeys = GOAL_KEYS,
    ) -> None:
        super().__init__()
        self._recorder = Recorder(folder, resume is not None)
        self._resume = resume
        self._chosen = instruments
        self._goal_keys = goal_keys
        self._probe_set = RunProbeSet(probe_set, goal_keys)
        everything = [*instruments, TrainingState(Schedule(STATE_EVERY))]
        self._measuring = Measuring(everything, self._recorder, self._probe_set, resume)
        self._settings, self._arm, self._seed = dict(settings or {}), arm, seed
        self._tap: Tap | None = None
        self._routing: RoutingWatch | None = None
        self._training: float | None = None  # the call of `learn()` that is watched
        self._networks: dict[str, Network] = {}
        self._evaluations: LoggedEvaluations | None = None
        self._is_evaluated = False  # by what records here
        self._made = 0  # updates, as they were last counted
        self._agent: BaseAlgorithm | None = None  # whose record this is
        if resume is not None:
            self._recorder.failures.update(resume["failures"])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know of its record, as JSON values.

        Take it together with the agent's own state, between an update and the next step. Windows of
        recent gradients are not in it: they begin anew, and the record says how full they are.
        """
        return {
            "lines": self._recorder.lines,
            "failures": dict(self._recorder.failures),
            **self._measuring.state_dict(),
        }

    def record(self, name: str, measure: Callable[[Context], Values]) -> None:
        """Record what `measure` returns now, record key -> value.

        For what others measure beside the instruments, such as success; success that SB3 logs is
        then left where it is. One that raises is counted under `name` and skipped.
        """
        update = self.update

        def measured() -> Values:
            values = measure(self._measuring.context(update))
            self._is_evaluated |= SUCCESS_RATE.key() in values
            return values

        self._recorder.measure(name, update, measured)

    def fail(self, name: str, error: Exception) -> None:
        """Count a failure of what runs beside the instruments, with its cause, in the record."""
        self._recorder.fail(name, self.update, error)

    @property
    def failures(self) -> dict[str, int]:
        """Instrument -> how often its measurement raised."""
        return dict(self._recorder.failures)

    @property
    def update(self) -> int:
        """Updates made: optimiser steps of the critic."""
        return self._made if self._tap is None else self._tap.update

    # SB3's events

    def _on_training_start(self) -> None:
        refuse(self.model)
        self._refuse_another_agent()
        refuse_being_called_now_and_then(self)
        refuse_training_elsewhere(self.locals.get("callback"))
        refuse_watching_twice(self.locals.get("callback"), type(self))
        self._detach()  # what an earlier call of `learn()` that an exception ended left behind
        self._training = self.model.start_time
        with unwatched(), isolated_generators(seed=0):
            self._networks = view_networks(self.model.policy, self._goal_keys)
        observed = self.model.observation_space
        assert isinstance(observed, spaces.Dict)  # view_networks checked
        self._refuse_other_goals(observed)
        self._probe_set.refuse_other_observations(observed)
        self._measuring.begin(self.model, self._networks)
        self._read_evaluations()
        start = self._count()
        self._recorder.open(self.model, self._run_info, start)
        if self._resume is not None:
            self._recorder.resumed(start, self._resume, circumstances(self.model.device))
        self._measuring.save_probe_set(start)
        self._measuring.rehearse(start)
        self._recorder.announce(self._measuring.keys)
        self._measuring.expect(start)
        self._tap = Tap(
            self._networks,
            start=start,
            wanted=self._measuring.wanted,
            on_first=lambda: self._measuring.first(start),
            on_update=self._measuring.updated,
            on_failure=lambda error: self._measuring.lost(self.update, error),
            on_note=lambda note: self._recorder.note(self.update, note),
            is_live=self._is_live,
        )
        with self._recorder.guarded("routing", start):
            self._routing = RoutingWatch(
                self.model,
                self._networks,
                lambda error: self._recorder.fail("routing", self.update, error),
            )

    def _on_step(self) -> bool:
        with self._recorder.guarded("steps", self.update):
            acted = None if self._tap is None else self._tap.acting.take(self.training_env.num_envs)
            step = environment_step(self.model, self.locals, acted)
            if step is not None:
                self._measuring.watch_step(step)
        return self._recorder.stopped is None

    def _on_rollout_start(self) -> None:
        # Here, because SB3's next dump clears what it logged of the last updates.
        if self._routing is not None and self._routing.seen():
            self._write_routing(self._routing)
        self._measuring.between(self.update)

    def _on_training_end(self) -> None:
        if self._tap is None:
            return  # never begun, or told before: rl_zoo3 tells its first callback again
        self._tap.finish()
        if self._routing is not None and self._routing.stepped:
            self._write_routing(self._routing)
        if self.update:
            self._measuring.finish(self.update)
        self._recorder.end(self.update)
        self._detach()

    # As long as this training goes on

    def _count(self) -> int:
        """Return the updates made before this training, and keep them.

        An off-policy algorithm of SB3 counts them as we do. The others count epochs: there it is
        what was seen of the agent, or what its optimiser has counted itself.
        """
        if isinstance(self.model, OffPolicyAlgorithm):
            self._made = self.model._n_updates
            return self._made
        optimiser = self._networks[CRITIC].optimizer
        states = [] if optimiser is None else optimiser.state.values()
        self._made = max([self._made, *(int(state.get("step", 0)) for state in states)])
        return self._made

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
            self._made = self._tap.update
            self._tap.detach()
        if self._routing is not None:
            self._routing.detach()
        if self._evaluations is not None:
            self._evaluations.detach()
        self._tap = self._routing = self._evaluations = None

    def _refuse_another_agent(self) -> None:
        if self._agent is not None and self._agent is not self.model:
            raise RecordError(
                "this callback has watched another agent, and its record is that agent's; make a "
                "new callback, with a folder of its own"
            )
        self._agent = self.model

    def _refuse_other_goals(self, observed: spaces.Dict) -> None:
        missing = [key for key in self._goal_keys if key and key not in observed.spaces]
        if missing and self._goal_keys != GOAL_KEYS:
            raise UnsupportedPolicy(
                f"goal_keys names {' and '.join(missing)}, and the agent observes "
                f"{', '.join(observed.spaces)}; give (achieved, desired), None for one that is not "
                "observed"
            )

    def _write_routing(self, routing: RoutingWatch) -> None:
        with self._recorder.guarded("routing", self.update):
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
        update = self.update
        with self._recorder.guarded("evaluation", update):
            self._recorder.write(Line(self._recorder.step, update, read()))

    # What the record says of the run

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
            cadences=self._measuring.cadences(self._chosen),
            probe_set=self._probe_set.describe() if self._measuring.asks_probe_set else None,
        )
