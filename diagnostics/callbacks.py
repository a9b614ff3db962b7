"""The callbacks a user attaches: each instrument alone, and their sum."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from goalscope.diagnostics.folders import Folder, beside_the_logs
from goalscope.diagnostics.instruments.feature_statistics import FeatureInstrument
from goalscope.diagnostics.instruments.goal_sensitivity import GoalInstrument
from goalscope.diagnostics.instruments.gradient_balance import GradientInstrument
from goalscope.diagnostics.instruments.instrument import Instrument
from goalscope.diagnostics.instruments.transitions import TransitionInstrument
from goalscope.diagnostics.logs.opening import FigureLog, LogName, open_log
from goalscope.diagnostics.material.probe_set import ProbeSet, load_probe_set
from goalscope.diagnostics.on_finding import Action, OnFinding
from goalscope.diagnostics.updates.schedule import (
    FEATURES_EVERY,
    GRADIENTS_EVERY,
    SENSITIVITY_EVERY,
    SENSITIVITY_GROWTH,
    Schedule,
)
from goalscope.diagnostics.watch import Diagnostics
from goalscope.probes.blocks import GOAL_KEYS, GoalKeys


class FeatureStatistics(Diagnostics):
    """Records feature statistics and forward signal of every block.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        every: int = FEATURES_EVERY,
        goal_keys: GoalKeys = GOAL_KEYS,
    ) -> None:
        super().__init__(folder, [FeatureInstrument(Schedule(every))], goal_keys=goal_keys)


class GradientBalance(Diagnostics):
    """Records how each loss's gradient, and the step taken, divide between the blocks.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        every: int = GRADIENTS_EVERY,
        goal_keys: GoalKeys = GOAL_KEYS,
    ) -> None:
        super().__init__(folder, [GradientInstrument(Schedule(every))], goal_keys=goal_keys)


class GoalSensitivity(Diagnostics):
    """Records how much Q and the policy listen to the goal, and to every other input.

    Args:
        folder: a new run folder; None writes to the SB3 logger alone.
        every: cadence in updates, after the first ten and the logarithmic ones.
        probe_set: fixed observations, or the file that holds them; None takes them from the run's
            own experience, so that runs cannot be compared on them.
        goal_keys: what the achieved and the desired goal are called in the observation.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        every: int = SENSITIVITY_EVERY,
        probe_set: ProbeSet | Path | str | None = None,
        goal_keys: GoalKeys = GOAL_KEYS,
    ) -> None:
        goal = GoalInstrument(Schedule(every, SENSITIVITY_GROWTH))
        super().__init__(folder, [goal], probe_set=_loaded(probe_set), goal_keys=goal_keys)


class ModalityDiagnostics(Diagnostics):
    """The sum of `FeatureStatistics`, `GradientBalance` and `GoalSensitivity` in one record.

    With sensitivity it also looks at the transitions of replay, where there is one, and at where Q
    lies. An agent that observes no goals is asked about every other input. What an SB3
    `EvalCallback` beside it logs of success is recorded as the run's success.

    Args:
        folder: a new run folder, such as "runs/mine", or a function of the agent that returns one
            as training starts. Left out: `goalscope` in the folder of the agent's logger, else
            `runs/<time>`. None writes to the SB3 logger alone.
        features_every: cadence of feature statistics in updates.
        gradients_every: cadence of gradient balance in updates.
        sensitivity_every: cadence of goal sensitivity and of transitions in updates; None leaves
            both out.
        probe_set: fixed observations, or the file that holds them; None takes them from the run's
            own experience, so that runs cannot be compared on them.
        settings: further settings for run.json, such as the environment's: flat, JSON values.
        arm: name of the configuration, such as "base": in a comparison the runs of one arm, each
            of another seed, are its sample. `goalscope compare --arm` can name arms afterwards.
        seed: of the run; None takes the agent's own, `SAC(..., seed=...)`. Comparisons pair arms by
            it, and refuse an arm that has one twice.
        resume: goes on with the run in the folder: what `state_dict` returned when the agent was
            saved. None begins a new run.
        goal_keys: what the achieved and the desired goal are called in the observation; None for
            one that is not observed. Names that the observation has not are goals that it has not.
        on_finding: what is done about what is wrong with the run, as the checks of its page have
            it, while it goes on: "warn" tells of each finding once, when it first holds, "stop"
            also ends the training at the first fault. A finding can pass again: the page of the
            run that has ended tells which lasted.
        log_to: loggers that show the numbers over updates as well as over steps: "tensorboard",
            "wandb", "mlflow". SB3's own logger gets them over steps in any case.
        log_figures: whether those loggers also show the figures of the page, drawn anew at each
            evaluation.

    Raises:
        LogError: a logger is missing, or nothing has been begun in it (as training starts).
        ValueError: `on_finding` is something else, or it or figures are asked for without a folder
            (at construction).
    """

    def __init__(
        self,
        folder: Folder = beside_the_logs,
        *,
        features_every: int = FEATURES_EVERY,
        gradients_every: int = GRADIENTS_EVERY,
        sensitivity_every: int | None = SENSITIVITY_EVERY,
        probe_set: ProbeSet | Path | str | None = None,
        settings: Mapping[str, Any] | None = None,
        arm: str | None = None,
        seed: int | None = None,
        resume: Mapping[str, Any] | None = None,
        goal_keys: GoalKeys = GOAL_KEYS,
        on_finding: Action | None = None,
        log_to: Sequence[LogName] = (),
        log_figures: bool = False,
    ) -> None:
        if on_finding not in (None, *get_args(Action)):
            raise ValueError(f"on_finding={on_finding!r} is not known; use 'warn', 'stop' or None")
        if folder is None and (on_finding is not None or log_figures):
            raise ValueError(
                "on_finding and log_figures are told from the run's record, and folder=None keeps "
                "none; give a folder"
            )
        instruments: list[Instrument] = [
            FeatureInstrument(Schedule(features_every)),
            GradientInstrument(Schedule(gradients_every)),
        ]
        if sensitivity_every is not None:
            rare = Schedule(sensitivity_every, SENSITIVITY_GROWTH)
            instruments += [GoalInstrument(rare), TransitionInstrument(rare)]
        super().__init__(
            folder,
            instruments,
            probe_set=_loaded(probe_set),
            settings=settings,
            arm=arm,
            seed=seed,
            resume=resume,
            goal_keys=goal_keys,
        )
        self._on_finding, self._log_to, self._log_figures = on_finding, log_to, log_figures
        self._findings: OnFinding | None = None  # what it has told it tells once, in all trainings

    def _on_training_start(self) -> None:
        logs = [open_log(name, self.model) for name in self._log_to]
        super()._on_training_start()
        listeners = self._recorder.listeners = [*logs]
        folder = self._recorder.folder
        if folder is not None and self._log_figures:
            listeners.append(FigureLog(folder, logs))
        if folder is not None and self._on_finding is not None:
            stop = self._recorder.stop
            self._findings = self._findings or OnFinding(folder, self._on_finding, stop)
            listeners.append(self._findings)


def _loaded(probe_set: ProbeSet | Path | str | None) -> ProbeSet | None:
    return load_probe_set(Path(probe_set)) if isinstance(probe_set, Path | str) else probe_set
