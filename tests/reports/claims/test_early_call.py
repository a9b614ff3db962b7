"""From which update on an outcome no longer changed."""

import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.memory_runs import BASELINE, holding_numbers, holding_world, memory_run

from goalscope.diagnostics.record.metrics import (
    ACTION_GOAL_SWAP,
    Q_GOAL_DISTANCE,
    Q_GOAL_SWAP,
    SIGNAL_SHARE,
)
from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.early_call import early_calls
from goalscope.reports.numbers.windows import four_times, four_times_by_step
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.sentences import early_call_sentence

UPDATES = (0, 1, 2, 3, 5, 10, 20, 40, 80, 160, *range(250, 5001, 250))
SHARE = SIGNAL_SHARE.key("critic", "goal")
CUTS = [1, 3, 10, 30, 100, 300, 1000, 3000, 5000]


def calls_of(arms, times=four_times):
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, times(runs), Thresholds())
    calls = {(call.link, call.network, call.arm): call for call in early_calls(arms, assessment)}
    return calls, assessment


def baseline(seeds=5, **series):
    """Seeds of the drowned baseline, with functions of the update for some metrics."""
    runs = [
        memory_run(BASELINE, seed, holding_numbers(0), updates=UPDATES) for seed in range(seeds)
    ]
    for name, function in series.items():
        runs = [
            replace(run, metrics=run.metrics | {name: changed(run.metrics[name], function)})
            for run in runs
        ]
    return runs


def changed(table, function):
    return table.assign(value=table["value"] * [function(u) for u in table["update"]])


def test_an_outcome_is_called_where_it_last_changed():
    arms = {BASELINE: baseline(**{SHARE: lambda update: 45 if update < 260 else 1})}
    calls, assessment = calls_of(arms)
    call = calls["C1", "critic", BASELINE]
    assert list(call.outcomes) == CUTS
    assert [call.outcomes[cut] for cut in CUTS[:6]] == ["contradicted"] * 6
    assert [call.outcomes[cut] for cut in CUTS[6:]] == ["supported"] * 3
    assert call.settled == 1000
    assert calls["C2", "critic", BASELINE].settled == 1
    for (link, network, arm), each in calls.items():
        assert each.outcomes[5000] == str(assessment.find(link, "late", arm, network).verdict)
    assert early_call_sentence(call) == (
        "C1 of pixel-her (critic) is supported from update 1,000 on, 20 % of the way to 5,000."
    )


def scattered(study):
    """Seeds of a baseline scattered around every threshold, but for the critic's share."""
    generator = np.random.default_rng(study)
    at = {Q_GOAL_SWAP.key(): 0.1, ACTION_GOAL_SWAP.key(): 0.02, Q_GOAL_DISTANCE.key(): 0.2}
    shares = [key for key in holding_numbers(0) if key.endswith("share")]
    numbers = holding_numbers(0) | dict.fromkeys(shares, 0.5) | at | {SHARE: 0.36}

    def spread(run):
        parts = {
            key: table.assign(value=table["value"] * np.exp(0.2 * generator.normal()))
            for key, table in run.metrics.items()
        }
        return replace(run, metrics=parts)

    return {BASELINE: [spread(memory_run(BASELINE, s, numbers, updates=UPDATES)) for s in range(5)]}


@pytest.mark.parametrize("study", [0, 8])
def test_the_last_call_is_the_outcome_of_the_page_where_little_is_clear(study):
    calls, assessment = calls_of(scattered(study))
    for (link, network, arm), call in calls.items():
        assert call.outcomes[5000] == str(assessment.find(link, "late", arm, network).verdict)


def test_an_outcome_that_turns_at_the_end_was_not_called():
    late = {SHARE: lambda update: 1 if update < 4400 else 45}
    call = calls_of({BASELINE: baseline(**late)})[0]["C1", "critic", BASELINE]
    assert call.settled == 5000
    assert early_call_sentence(call) == (
        "C1 of pixel-her (critic) is contradicted at the end (update 5,000); at 3,000 it was "
        "supported."
    )


def test_what_is_not_tested_at_the_end_has_no_call():
    calls, _ = calls_of({BASELINE: baseline(seeds=1)})
    assert {call.settled for call in calls.values()} == {None}
    words = early_call_sentence(calls["C1", "critic", BASELINE])
    assert (
        words
        == "C1 of pixel-her (critic) is not tested at the end, so that nothing could be called "
        "early."
    )


def test_few_seeds_are_called_leaning():
    call = calls_of({BASELINE: baseline(seeds=2)})[0]["C1", "critic", BASELINE]
    assert set(call.outcomes.values()) <= {"leaning for", "undecided"}


def test_a_cut_off_between_measurements_knows_the_last_ones():
    # Nothing is measured from 27 to 30, and 20 is what was known then.
    arms = {BASELINE: baseline(**{SHARE: lambda update: 45 if update == 20 else 1})}
    call = calls_of(arms)[0]["C1", "critic", BASELINE]
    assert call.outcomes[30] == "contradicted"
    assert call.outcomes[10] == call.outcomes[100] == "supported"


def test_every_arm_has_a_call_of_its_fix_and_only_the_baseline_of_the_chain():
    world = holding_world()
    calls, _ = calls_of(world)
    assert calls.keys() == {
        *((link, n, BASELINE) for link in ("C1", "C2", "C3", "C4") for n in ("critic", "actor")),
        *(("C5", n, arm) for arm in ("fix-a", "fix-b", "fix-c") for n in ("critic", "actor")),
    }


def test_by_step_the_cut_offs_are_steps():
    calls, assessment = calls_of(holding_world(), four_times_by_step)
    call = calls["C1", "critic", BASELINE]
    assert call.axis == assessment.times.windows["late"].axis == "step"
    assert "from step 1 on" in early_call_sentence(call)


def test_a_run_without_updates_has_none():
    runs = [memory_run(BASELINE, seed, holding_numbers(0), updates=(0,)) for seed in range(5)]
    calls, assessment = calls_of({BASELINE: runs})
    assert calls == {}
    assert assessment.times.windows["late"] is None


def test_a_study_of_65_runs_takes_seconds():
    arms = 13
    updates = tuple(np.unique(np.geomspace(1, 20_000, 260).astype(int)).tolist())
    world = {
        f"arm {arm}": [
            memory_run(f"arm {arm}", seed, holding_numbers(arm % 6), updates=(0, *updates))
            for seed in range(5)
        ]
        for arm in range(arms)
    }
    runs = [run for group in world.values() for run in group]
    assessment = assess(world, four_times(runs), Thresholds())
    start = time.process_time()
    assert len(early_calls(world, assessment)) == 2 * (4 + arms - 1)
    assert time.process_time() - start < 10  # some 1.5 s on an idle machine
