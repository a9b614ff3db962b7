"""What is measured of an agent in training, and when: instruments, what is due, what was seen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.witness import EnvironmentStep
from goalscope.diagnostics.record import PROBE_SET_FILE
from goalscope.diagnostics.recorder import Recorder
from goalscope.diagnostics.updates.passes import unwatched
from goalscope.diagnostics.updates.requests import Requests
from goalscope.diagnostics.updates.tracked import TrackedUpdate, losses_of
from goalscope.probes import Network
from goalscope.probes.isolation import isolated_generators


class Measuring:
    """Asks each instrument at its moment, and has what it says recorded.

    Args:
        instruments: what measures, in the order in which it is measured.
        recorder: where it goes.
        probe_set: the fixed states that instruments ask about.
        resume: what `state_dict` returned of the run that goes on; None begins a new one.

    Attributes:
        keys: every record key that the instruments of this agent can write.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        recorder: Recorder,
        probe_set: RunProbeSet,
        resume: Mapping[str, Any] | None,
    ) -> None:
        self.keys: list[str] = []
        self._instruments = list(instruments)
        self._recorder = recorder
        self._probe_set = probe_set
        self._answered: Mapping[str, Mapping[str, int]] = {}
        self._is_resumed = resume is not None
        self._requests: dict[str, Requests] = {}  # of instruments that look at losses
        self._last: dict[str, int] = {}  # instrument -> update at which it last measured
        self._losses: tuple[str, ...] = ()
        self._model: BaseAlgorithm
        self._networks: Mapping[str, Network] = {}
        if resume is not None:
            self._last |= resume["last"]
            self._answered = resume.get("answered", {})
            for instrument in self._instruments:
                if instrument.name in resume["instruments"]:  # else it did not apply
                    instrument.load_state_dict(resume["instruments"][instrument.name])

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know, as JSON values."""
        return {
            "last": dict(self._last),
            "answered": {name: dict(r.answered) for name, r in self._requests.items()},
            "instruments": {i.name: i.state_dict() for i in self._instruments},
        }

    def begin(self, model: BaseAlgorithm, networks: Mapping[str, Network]) -> None:
        """Look at an agent from now on, with the instruments that apply to it."""
        self._model, self._networks = model, networks
        self._losses = losses_of(networks)
        self._instruments = [i for i in self._instruments if i.applies(model)]

    def rehearse(self, update: int) -> None:
        """Learn every key that the instruments can write, once."""
        if self.keys:
            return
        context = self.context(update)
        for instrument in self._instruments:
            with (
                self._recorder.guarded("dry_run", update),
                unwatched(),
                torch.no_grad(),
                isolated_generators(seed=0),
            ):
                self.keys += instrument.keys(context)

    def expect(self, start: int) -> None:
        """Ask for what is due of each loss from this update on."""
        self._requests = {
            i.name: Requests(
                self._losses,
                i.schedule,
                i.moment.recorded(start + 1) - 1,
                self._answered.get(i.name),
            )
            for i in self._at(Moment.PASSES, Moment.GRADIENTS)
        }

    def context(self, update: int, seen: TrackedUpdate | None = None) -> Context:
        """Return what a measurement recorded under that update may look at."""
        pace = self._recorder.pace(update)
        return Context(update, self._model, self._networks, self._probe_set, seen, pace)

    def watch_step(self, step: EnvironmentStep) -> None:
        """Show every instrument a step of the environments, before it is stored."""
        for instrument in self._instruments:
            instrument.watch_step(step)

    # When

    def wanted(self, update: int) -> set[str]:
        """Return the losses to track in an update."""
        if any(i.schedule.due(update) for i in self._at(Moment.STATE)):
            return set(self._losses)
        found: set[str] = set()
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS):
            recorded = instrument.moment.recorded(update)
            found |= self._requests[instrument.name].open(recorded)
        return found

    def first(self, update: int) -> None:
        """Measure the untouched agent; one that goes on has been measured before."""
        for instrument in self._at(Moment.STATE):
            if not self._is_resumed or instrument.name not in self._last:
                self._measure(instrument, update)

    def updated(self, tracked: TrackedUpdate) -> None:
        """Measure an update that has been seen."""
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

    def lost(self, update: int, error: Exception) -> None:
        """Count an update that could not be seen; what was due at it is due no longer."""
        self._recorder.fail("tap", update, error)
        for instrument in self._at(Moment.PASSES, Moment.GRADIENTS):
            recorded = instrument.moment.recorded(update)
            self._requests[instrument.name].answer(self._losses, recorded)

    def between(self, update: int) -> None:
        """Measure what is due between updates, before a rollout."""
        for instrument in self._at(Moment.BETWEEN):
            due = instrument.schedule.next(self._last.get(instrument.name, -1))
            if instrument.is_urgent(self._model) or due <= update:
                self._measure(instrument, update)

    def finish(self, update: int) -> None:
        """Measure the agent as training leaves it."""
        for instrument in self._at(Moment.STATE, Moment.BETWEEN):
            self._measure(instrument, update)

    def _at(self, *moments: Moment) -> list[Instrument]:
        return [instrument for instrument in self._instruments if instrument.moment in moments]

    def _measure(
        self, instrument: Instrument, update: int, seen: TrackedUpdate | None = None
    ) -> None:
        if instrument.moment is Moment.STATE and self._last.get(instrument.name) == update:
            return  # the last update is also the end
        self._last[instrument.name] = update
        context = self.context(update, seen)
        with unwatched(), isolated_generators(seed=update):
            self._recorder.measure(instrument.name, update, lambda: instrument.measure(context))
        self.save_probe_set(update)

    # The fixed states

    @property
    def asks_probe_set(self) -> bool:
        """Whether any instrument asks about them."""
        return any(instrument.asks_probe_set for instrument in self._instruments)

    def save_probe_set(self, update: int) -> None:
        """Write them into the run's folder, once they are known."""
        if self.asks_probe_set and self._recorder.folder is not None:
            with self._recorder.guarded("probe_set", update):
                self._probe_set.save(self._recorder.folder / PROBE_SET_FILE)

    def cadences(self, of: Iterable[Instrument]) -> dict[str, int]:
        """Return instrument -> its cadence in updates, of those that apply to the agent."""
        return {i.name: i.schedule.every for i in of if i in self._instruments}
