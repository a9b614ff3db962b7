"""The answer in words: numbers, units, seeds, intervals and outcomes are all in the sentences."""

import math
import re
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, FIX, Synthetic, write_arms, write_run

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.assessment import assess
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import four_times
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.sentences import (
    one_seed_sentence,
    overall_sentence,
    single_run_sentences,
    time_sentences,
)


def sentences_of(folders):
    arms = load_arms(folders)
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    return time_sentences(assessment, arms), overall_sentence(assessment)


@pytest.mark.parametrize(("seeds", "intervals"), [(2, 0), (5, 7)])
def test_three_sentences_with_numbers_seeds_and_outcomes(tmp_path, seeds, intervals):
    sentences, overall = sentences_of(write_arms(tmp_path, seeds))
    assert [s.split()[0] for s in sentences] == ["At", "Early", "Late"]
    for sentence in sentences:
        assert sentence.count("C1") >= 1
        for link in ("C1", "C2", "C4", "C5"):
            assert re.search(rf"{link} (leaning|undecided|supported|contradicted|not)", sentence)
        assert len(re.findall(r"\[[-\d.]+ to [-\d.]+( %)?\]", sentence)) == intervals
        assert f"{seeds} seeds" in sentence
        assert f"{seeds} pairs of seeds" in sentence
        assert "standard deviations" in sentence
        assert ("95 % intervals" in sentence) == (intervals > 0)
        assert "\n" not in sentence
    assert "updates 1 to 539" in sentences[1]
    assert "still inside the first 1,000 updates" in sentences[2]
    assert ("leaning against" if seeds < 5 else "contradicted") in overall


def test_a_long_run_does_not_say_that_late_is_early(tmp_path):
    kind = Synthetic(updates=3000)
    sentences, _ = sentences_of(write_arms(tmp_path, 2, {"pixel-her": kind, "fix": kind}))
    assert "still inside" not in sentences[2]
    assert "updates 2,700 to 3,000" in sentences[2]


def test_one_seed_has_no_interval_and_is_not_tested(tmp_path):
    sentences, overall = sentences_of(write_arms(tmp_path, 1))
    assert "not tested at all three times" in overall
    for sentence in sentences:
        assert "1 seed" in sentence
        assert "[" not in sentence
        assert "supported" not in sentence


def test_a_failed_seed_is_counted_out_in_words(tmp_path):
    folders = write_arms(tmp_path, 2)
    overrides = {(SIGNAL_SHARE.key("critic", "goal"), 100): math.nan}
    kind = replace(BASELINE, overrides=overrides)
    folders.append(write_run(tmp_path / "c", "pixel-her", 2, kind))
    sentences, _ = sentences_of(folders)
    assert "(2 of 3 seeds)" in sentences[1]
    assert "(2 of 3 seeds)" not in sentences[0]


def test_many_arms_do_not_drown_the_sentence(tmp_path):
    arms = {"pixel-her": BASELINE, **{f"fix{i}": FIX for i in range(5)}}
    sentences, overall = sentences_of(write_arms(tmp_path, 2, arms))
    for i in range(2):
        assert re.search(rf"fix{i}.*?C5 \w+", sentences[2])
        assert f"fix{i}" in overall
    assert "3 more arms in the table" in sentences[2]
    assert sentences[2].count("of what the critic hears") == 2


def test_a_run_too_short_says_so(tmp_path):
    kind = replace(BASELINE, updates=1)
    sentences, _ = sentences_of(write_arms(tmp_path, 2, {"pixel-her": kind, "fix": kind}))
    assert sentences[1] == (
        "Early in training: not tested, because pixel-her seed 0 ended before it began (1 update)."
    )


def test_a_single_run_states_numbers_and_that_one_seed_is_no_test(tmp_path):
    run = load_run(write_run(tmp_path / "a"))
    assessment = assess({run.arm: [run]}, four_times([run]), Thresholds())
    sentences = single_run_sentences(assessment, run)
    assert len(sentences) == 3
    sentences.append(one_seed_sentence(run, Thresholds()))
    assert all(re.search(r"\d+ %", sentence) for sentence in sentences)
    assert sentences[3].startswith("One seed is no test")
    assert not any("supported" in sentence for sentence in sentences)


def test_what_was_not_measured_is_said_in_words(tmp_path):
    kind = replace(BASELINE, sensitivity=(), without=(SIGNAL_SHARE.key("actor", "goal"),))
    sentences, _ = sentences_of(write_arms(tmp_path, 2, {"pixel-her": kind, "fix": kind}))
    assert "an unmeasured amount of what the actor's does" in sentences[1]
    assert "moves Q by an unmeasured amount" in sentences[1]
