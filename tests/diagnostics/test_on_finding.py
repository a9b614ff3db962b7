"""What is done about a finding while a run goes on."""

import numpy as np
import pytest
from helpers.identity import UPDATES, assert_identical, generators, trained
from helpers.synthetic_runs import DEAD, write_run

from goalscope.diagnostics import ModalityDiagnostics, on_finding
from goalscope.diagnostics.record import Line, read_run
from goalscope.underway import findings
from goalscope.underway.findings import Told

TOLD = Told("The encoder is dead.", "The encoder is dead (since update 20).", is_fault=True)


@pytest.fixture
def dead_since_20(monkeypatch):
    """Asked at every tenth update, the checks find a dead encoder from update 20 on."""
    asked = []
    monkeypatch.setattr(on_finding, "ASKED_EVERY", 10)
    original = findings.FindingsUnderway.new

    def new(self):
        assert isinstance(original(self), list)  # the real checks are made as well
        asked.append(self._reader.read().lines[-1].update)
        return [TOLD] if len(asked) == 2 else []

    monkeypatch.setattr(findings.FindingsUnderway, "new", new)
    return asked


def test_warning_says_it_once_and_changes_nothing(make_agent, tmp_path, caplog, dead_since_20):
    plain = trained(make_agent, None)
    left = generators()
    callback = ModalityDiagnostics(tmp_path / "run", on_finding="warn")
    watched = trained(make_agent, callback)
    assert generators() == left
    assert_identical(plain, watched)
    assert callback.failures == {}
    assert len(dead_since_20) == UPDATES // 10
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"goalscope at update {dead_since_20[1]}: {TOLD.text}"]
    assert read_run(tmp_path / "run").end.details["reason"] == "finished"


def test_stopping_ends_the_run_there_and_repeats(make_agent, tmp_path, dead_since_20):
    ends = []
    for name in ("a", "b"):
        dead_since_20.clear()
        agent = make_agent()
        agent.learn(300, callback=ModalityDiagnostics(tmp_path / name, on_finding="stop"))
        end = read_run(tmp_path / name).end
        assert end.details["reason"] == "stopped by a finding: The encoder is dead."
        assert agent._n_updates < 60
        ends.append((end.update, end.step))
    assert ends[0] == ends[1]


def test_a_limit_stops_nothing_and_asking_grows_rarer(tmp_path):
    class Limits:
        def new(self):
            return [Told("Rewards are rare.", "Rewards are rare.", is_fault=False)]

    stops = []
    listener = on_finding.OnFinding(tmp_path, "stop", stops.append)
    listener._findings = Limits()
    due = []
    for update in np.arange(0, 50_001, 50).tolist():
        before = listener._due
        listener.hear(Line(update, update))
        if listener._due != before:
            due.append(update)
    assert stops == []
    assert due[0] == on_finding.ASKED_EVERY
    assert len(due) < 80


def test_real_findings_are_told_once(tmp_path):
    folder = write_run(tmp_path / "a", kind=DEAD)
    underway = findings.FindingsUnderway(folder)
    first = underway.new()
    assert first[0].says.startswith("The actor's encoder is dead")
    assert all(told.says in told.text for told in first)
    assert underway.new() == []


def test_checks_that_fail_cost_themselves_alone(make_agent, tmp_path, monkeypatch):
    def broken(_):
        raise RuntimeError("no checks")

    monkeypatch.setattr(on_finding, "ASKED_EVERY", 10)
    monkeypatch.setattr(findings.FindingsUnderway, "new", broken)
    callback = ModalityDiagnostics(tmp_path / "run", on_finding="stop")
    agent = trained(make_agent, callback)
    assert agent._n_updates == UPDATES
    assert callback.failures == {"on_finding": 1}


def test_what_cannot_be_asked_for(tmp_path):
    with pytest.raises(ValueError, match="use 'warn', 'stop' or None"):
        ModalityDiagnostics(tmp_path / "run", on_finding="shout")
    with pytest.raises(ValueError, match="give a folder"):
        ModalityDiagnostics(None, on_finding="warn")
