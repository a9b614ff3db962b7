"""Runs to diagnose, and what is named of them."""

from dataclasses import replace

from goalscope.reports.findings.diagnosis import diagnose
from goalscope.reports.numbers.runs import load_run
from helpers.synthetic_info import FLOORS
from helpers.synthetic_runs import write_run

LONG = (0, 1, 100, 500, 1_000, 1_500, 2_000, 2_400)


def made(folder, kind):
    settings = {"agent.n_sampled_goal": 4, "agent.gamma": 0.95, **FLOORS, **kind.settings}
    return load_run(write_run(folder / "a", kind=replace(kind, settings=settings)))


def names(run):
    return [finding.check.name for finding in diagnose(run).findings]
