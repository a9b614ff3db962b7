"""The protocol of live measurement: a new instrument is one class, wired like every other."""

import json

import pytest
import torch
from helpers.identity import assert_identical, trained

from goalscope.diagnostics.instruments.instrument import Context, Instrument, Moment
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.updates.schedule import Schedule
from goalscope.diagnostics.watch import Diagnostics
from goalscope.probes import view_networks

KEY = "mine/critic.thing"


class Counting(Instrument):
    """Says at which update it looks, and how much the agent moved since."""

    name = "counting"

    def __init__(self, moment: Moment) -> None:
        super().__init__(Schedule(7))
        self.moment = moment
        self.measured = 0

    def measure(self, context: Context) -> dict[str, torch.Tensor]:
        self.measured += 1
        torch.rand(3)  # noise of its own, from a shared generator
        weight = next(context.networks["critic"].module.parameters())
        return {KEY: weight.detach().norm()}

    def state_dict(self) -> dict[str, int]:
        return {"measured": self.measured}

    def load_state_dict(self, state) -> None:
        self.measured = state["measured"]


@pytest.mark.parametrize(
    ("moment", "first"),
    [(Moment.PASSES, 0), (Moment.GRADIENTS, 1), (Moment.STATE, 0), (Moment.BETWEEN, 0)],
)
def test_a_new_instrument_measures_at_its_moment(make_agent, tmp_path, moment, first):
    instrument = Counting(moment)
    callback = Diagnostics(tmp_path / "run", [instrument])
    make_agent().learn(100, callback=callback)
    run = read_run(tmp_path / "run")
    updates = [line.update for line in run.measurements if KEY in line.values]
    assert updates[0] == first
    assert updates == sorted(updates)
    assert {14, 21, 28, 35} <= set(updates)
    assert len(updates) == instrument.measured
    assert run.info.instruments == {"counting": {"every": 7}}
    assert run.info.probe_set is None
    assert callback.failures == {}


@pytest.mark.parametrize("moment", Moment)
def test_one_that_draws_changes_nothing(make_agent, tmp_path, moment):
    plain = trained(make_agent, None)
    watched = trained(make_agent, Diagnostics(tmp_path / "run", [Counting(moment)]))
    assert_identical(plain, watched)


def test_its_keys_are_known_before_it_measures(make_agent):
    instrument, agent = Counting(Moment.PASSES), make_agent()
    context = Context(0, agent, view_networks(agent.policy), RunProbeSet(None))
    assert instrument.keys(context) == [KEY]
    assert instrument.measured == 0  # a copy did
    with pytest.raises(LookupError, match="no update is tracked"):
        context.tracked  # noqa: B018


def test_it_goes_on_where_it_was(make_agent, tmp_path):
    instrument = Counting(Moment.STATE)
    callback = Diagnostics(tmp_path / "run", [instrument])
    make_agent().learn(80, callback=callback)
    state = json.loads(json.dumps(callback.state_dict()))
    again = Counting(Moment.STATE)
    resumed = Diagnostics(tmp_path / "run", [again], resume=state)
    assert again.measured == instrument.measured
    assert resumed.state_dict()["last"] == state["last"]
