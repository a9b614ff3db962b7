"""The blind faults: no threshold of a check was ever set on a run of one."""

from benchmarks.planted_faults import (
    agent_faults,
    environment_faults,
    extractor_faults,
    replay_faults,
)
from benchmarks.planted_faults.fault import TWO_TASKS, Fault

BLIND = (
    Fault(
        "target_frozen",
        "blind",
        "the target network is never updated (tau 0)",
        "target_frozen",
        grounds=TWO_TASKS,
        agent=agent_faults.target_frozen,
    ),
    Fault(
        "rewards_x100",
        "blind",
        "rewards are a hundred times as large",
        "rewards_out_of_range",
        tautology=True,
        grounds=TWO_TASKS,
        environment=environment_faults.LargeRewards,
    ),
    Fault(
        "terminated_always",
        "blind",
        "the environment says `terminated` at every step",
        "always_terminated",
        tautology=True,
        grounds=TWO_TASKS,
        environment=environment_faults.AlwaysTerminated,
    ),
    Fault(
        "next_is_same",
        "blind",
        "each next observation equals the observation",
        "next_observation_same",
        tautology=True,
        grounds=TWO_TASKS,
        replay=replay_faults.SameNextReplay,
    ),
    Fault(
        "no_relabelling",
        "blind",
        "hindsight is on and relabels nothing",
        "goals_not_relabelled",
        tautology=True,
        grounds=TWO_TASKS,
        replay=replay_faults.RealGoalReplay,
    ),
    Fault(
        "images_scaled_twice",
        "blind",
        "images are divided by 255 twice",
        "images_scaled_twice",
        tautology=True,
        grounds=TWO_TASKS,
        extractor=extractor_faults.images_scaled_twice,
    ),
    Fault(
        "normalisation_stale",
        "blind",
        "VecNormalize stopped following the goals within the first episode",
        "normalisation_stale",
        grounds=("point_normalised",),
        normalisation=environment_faults.StaleNormalize,
    ),
    Fault(
        "discount_one",
        "blind",
        "the discount is 1 and no episode ends for good",
        "discount_without_end",
        tautology=True,
        grounds=TWO_TASKS,
        agent=agent_faults.discount_one,
    ),
)
