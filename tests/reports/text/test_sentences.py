"""The answer in words: numbers, units, seeds, intervals and outcomes, critic and actor apart."""

import json
import math
import re
from dataclasses import replace

import pytest
from helpers.synthetic_runs import BASELINE, FIX, Synthetic, write_arms, write_run

from goalscope.diagnostics.record.metrics import SIGNAL_SHARE
from goalscope.reports.claims.assessment import assess
from goalscope.reports.claims.early_call import early_calls
from goalscope.reports.claims.extremes import least_shares
from goalscope.reports.claims.wording import with_interval
from goalscope.reports.numbers.grouping import load_arms
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.windows import TIMES, four_times
from goalscope.reports.statistics.outcomes import Outcome, Verdict
from goalscope.reports.statistics.thresholds import Thresholds
from goalscope.reports.text.answer import (
    answer_sentence,
    claim_sentence,
    fix_sentences,
    share_sentences,
)
from goalscope.reports.text.rules import rule_sentences
from goalscope.reports.text.sentences import (
    one_seed_sentence,
    single_run_sentences,
    time_sentences,
)

LONG = replace(BASELINE, updates=1500)


def words_of(folders):
    """Return the first screen's sentences, those of each time, and the rules."""
    arms = load_arms(folders)
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    baseline = arms[assessment.baseline]
    answer = answer_sentence(assessment, early_calls(arms, assessment), len(baseline))
    shares = share_sentences(assessment, least_shares(baseline, assessment))
    first = [answer, *shares, *fix_sentences(assessment), claim_sentence(assessment)]
    return first, time_sentences(assessment), rule_sentences(assessment, len(baseline), 10)


def sentences_in(text):
    return re.split(r"(?<=[.:]) (?=[A-Z])", text)


@pytest.fixture(scope="module", params=[1, 2, 5])
def said(request, tmp_path_factory):
    kinds = {"pixel-her": LONG, "pixel-her-norm": replace(FIX, updates=1500)}
    return request.param, words_of(
        write_arms(tmp_path_factory.mktemp("arms"), request.param, kinds)
    )


def test_every_sentence_is_short_and_the_first_screen_has_no_code(said):
    _, (first, by_time, rules) = said
    for text in first:
        assert not re.search(r"\b[CR][0-9]+\b", text), text
    for text in (*first, *(line for lines in by_time.values() for line in lines), *rules):
        for sentence in sentences_in(text):
            assert len(sentence.split()) < 40, sentence
        assert "unmeasured" not in text


def test_seeds_without_a_measurement_at_the_end_are_counted(tmp_path):
    folders = write_arms(tmp_path, 2, {"pixel-her": LONG, "pixel-her-norm": FIX})
    lines = (folders[0] / "measurements.jsonl").read_text().splitlines()
    end = LONG.updates * 0.9
    kept = [
        line
        for line in lines
        if "sensitivity/" not in line or not end / 2 <= json.loads(line).get("update", 0)
    ]
    assert len(kept) < len(lines)
    (folders[0] / "measurements.jsonl").write_text("".join(f"{line}\n" for line in kept))
    (first, *_), _, _ = words_of(folders)
    assert "as 1 seed cannot tell (1 more had no measurement at the end)" in first


def test_critic_and_actor_each_have_their_numbers_at_each_time(said):
    seeds, (_, by_time, _) = said
    assert list(by_time) == list(TIMES)
    for lines in by_time.values():
        critic = [line for line in lines if "critic" in line]
        actor = [line for line in lines if "actor" in line]
        assert len(critic) == len(actor) == 2
        assert not set(critic) & set(actor)
        assert all(("[" in line) == (seeds == 5) for line in critic)


def test_the_answer_is_yes_where_all_react_and_unknown_of_two_seeds(said):
    seeds, (first, _, rules) = said
    if seeds == 5:
        assert first[0].startswith("Yes, from update ")
        assert "Outweighed at initialisation" in first[1]
        assert any("independent" in rule for rule in rules)
        assert any("Power with 5 seeds" in rule for rule in rules)
    else:
        assert first[0].startswith(("Undecided, as", "In the"))
        settled = [p for p in first[0].split(";") if re.search(r"in the \w+, (yes|no)", p.lower())]
        assert all("as far as the seeds lean" in part for part in settled)
        assert bool(settled) == (seeds == 2)
    assert "on average" in first[1] or seeds > 1


def test_no_is_said_of_networks_that_do_not_react(tmp_path):
    deaf = replace(LONG, q_goal_swap=0.01)
    first, _, _ = words_of(write_arms(tmp_path, 5, {"pixel-her": deaf, "same": deaf}))
    assert first[0] == "No: neither Q nor the action reacts to another goal."


def test_a_failed_seed_is_counted_out_in_words(tmp_path):
    folders = write_arms(tmp_path, 2)
    overrides = {(SIGNAL_SHARE.key("critic", "goal"), 100): math.nan}
    folders.append(
        write_run(tmp_path / "c", "pixel-her", 2, replace(BASELINE, overrides=overrides))
    )
    _, by_time, _ = words_of(folders)
    assert "(2 of 3 seeds)" in by_time["early"][0]
    assert "(2 of 3 seeds)" not in by_time["initialisation"][0]


def test_a_run_too_short_says_so(tmp_path):
    kind = replace(BASELINE, updates=1)
    _, by_time, _ = words_of(write_arms(tmp_path, 2, {"pixel-her": kind, "fix": kind}))
    assert by_time["early"] == ["Nothing to say, the runs are too short."]
    assert by_time["middle"] == ["Nothing, as early reaches to where late begins."]


def test_a_single_run_states_numbers_and_that_one_seed_is_no_test(tmp_path):
    run = load_run(write_run(tmp_path / "a", kind=LONG))
    assessment = assess({run.arm: [run]}, four_times([run]), Thresholds())
    sentences = single_run_sentences(assessment, run)
    assert len(sentences) == 4
    assert all(re.search(r"\d+ %", sentence) for sentence in sentences)
    assert all(re.search("outweighed|drowned|balanced", sentence) for sentence in sentences)
    assert one_seed_sentence(run, Thresholds()).startswith("One seed is no test")
    assert not any("supported" in sentence for sentence in sentences)


def test_a_baseline_that_ends_sooner_than_the_others_says_so(tmp_path):
    ends_soon = replace(LONG, updates=600, ends=False)
    _, by_time, _ = words_of(write_arms(tmp_path, 2, {"pixel-her": ends_soon, "fix": LONG}))
    assert by_time["late"] == ["Nothing, as pixel-her was not measured then."]


def test_the_claim_is_answered_by_network_and_time(said):
    seeds, (first, *_) = said
    outweigh = "the image features outweigh it in the critic and the actor at all times"
    assert first[-1] == {
        1: f"Untested, but here {outweigh}.",
        2: f"T{outweigh[1:]}, as far as the seeds lean.",
        5: f"T{outweigh[1:]}.",
    }.get(seeds)


def test_what_is_so_on_average_is_said_to_be_undecided(tmp_path):
    scattered = replace(LONG, goal_share=0.9, late_share=0.05, noise=3.0)
    first, *_ = words_of(write_arms(tmp_path, 5, {"pixel-her": scattered, "same": LONG}))
    assert first[-1].startswith("Undecided, but on average the image features ")


def test_the_claim_is_never_so_where_every_time_says_so(tmp_path):
    loud = {"pixel-her": replace(LONG, goal_share=0.9, late_share=0.9), "same": LONG}
    first, *_ = words_of(write_arms(tmp_path, 5, loud))
    assert first[-1] == "The image features outweigh it at no time in either network."


def test_a_share_that_says_nothing_is_not_said_to_be_unmeasured(tmp_path):
    arms = load_arms(write_arms(tmp_path, 2, {"pixel-her": LONG, "same": LONG}))
    runs = [run for group in arms.values() for run in group]
    link = assess(arms, four_times(runs), Thresholds()).find("C1", "late", "pixel-her", "actor")
    share = link.of(SIGNAL_SHARE)
    silent = {label: "the action ignores the goal" for label in share.sample.labels}
    gone = replace(share, interval=None, sample=replace(share.sample, numbers={}, excluded=silent))
    assert with_interval(gone) == "no share to judge"
    assert with_interval(replace(share, interval=None)) == "not measured"


def test_what_was_not_measured_has_no_sentence(tmp_path):
    kind = Synthetic(sensitivity=(), without=(SIGNAL_SHARE.key("actor", "goal"),))
    first, by_time, _ = words_of(write_arms(tmp_path, 2, {"pixel-her": kind, "fix": kind}))
    assert first[0].startswith("Not known")
    assert not any("Another goal" in line for lines in by_time.values() for line in lines)
    assert not any("actor's first layer" in line for lines in by_time.values() for line in lines)
    assert any("share of the goal to judge" in line for line in first)
    assert not any("signal/" in line for line in first), "keys are for programs"


def test_seeds_are_not_said_to_disagree_where_a_part_was_not_measured(tmp_path):
    deaf = replace(LONG, q_goal_swap=0.01)
    folders = write_arms(tmp_path, 5, {"pixel-her": deaf, "same": deaf})
    arms = {
        arm: [without(run, "q_goal_distance", "action_goal_swap") for run in runs]
        for arm, runs in load_arms(folders).items()
    }
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    answer = answer_sentence(assessment, early_calls(arms, assessment), 5)
    assert "disagree" not in answer
    assert "is not in the record" in answer


def test_seeds_that_agree_are_not_said_to_disagree(tmp_path):
    kinds = {"pixel-her": replace(LONG, q_goal_swap=0.01), "same": LONG}
    arms = load_arms(write_arms(tmp_path, 5, kinds))
    runs = [run for group in arms.values() for run in group]
    assessment = assess(arms, four_times(runs), Thresholds())
    open_ = Verdict(Outcome.UNDECIDED, "")
    links = [replace(k, verdict=open_) if k.name == "C4" else k for k in assessment.links]
    answer = answer_sentence(replace(assessment, links=links), [], 5)
    assert answer.startswith("Undecided, as chance is not ruled out: on average")


def without(run, *names):
    metrics = {k: v for k, v in run.metrics.items() if not k.endswith(names)}
    return replace(run, metrics=metrics)
