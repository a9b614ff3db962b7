"""Faults that were blind in a first round: they were scored once, and are known since."""

from benchmarks.planted_faults.fault import TWO_TASKS, Fault
from benchmarks.planted_faults.spoils import (
    agent_faults,
    environment_faults,
    extractor_faults,
    replay_faults,
)

FIRST_ROUND = (
    Fault(
        "target_frozen",
        "known",
        "the target network is never updated (tau 0)",
        "target_frozen",
        grounds=TWO_TASKS,
        agent=agent_faults.target_frozen,
    ),
    Fault(
        "rewards_x100",
        "known",
        "rewards are a hundred times as large",
        "rewards_out_of_range",
        tautology=True,
        grounds=TWO_TASKS,
        environment=environment_faults.LargeRewards,
    ),
    Fault(
        "terminated_always",
        "known",
        "the environment says `terminated` at every step",
        "always_terminated",
        tautology=True,
        grounds=TWO_TASKS,
        environment=environment_faults.AlwaysTerminated,
    ),
    Fault(
        "next_is_same",
        "known",
        "each next observation equals the observation",
        "next_observation_same",
        tautology=True,
        grounds=TWO_TASKS,
        replay=replay_faults.SameNextReplay,
    ),
    Fault(
        "no_relabelling",
        "known",
        "hindsight is on and relabels nothing",
        "goals_not_relabelled",
        tautology=True,
        grounds=TWO_TASKS,
        replay=replay_faults.RealGoalReplay,
    ),
    Fault(
        "images_scaled_twice",
        "known",
        "images are divided by 255 twice",
        "images_scaled_twice",
        tautology=True,
        grounds=TWO_TASKS,
        extractor=extractor_faults.images_scaled_twice,
    ),
    Fault(
        "normalisation_stale",
        "known",
        "VecNormalize stopped following the goals within the first episode",
        "normalisation_stale",
        grounds=("point_normalised",),
        normalisation=environment_faults.StaleNormalize,
    ),
    Fault(
        "discount_one",
        "known",
        "the discount is 1 and no episode ends for good",
        "discount_without_end",
        tautology=True,
        grounds=TWO_TASKS,
        agent=agent_faults.discount_one,
    ),
)
