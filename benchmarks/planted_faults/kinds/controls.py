"""The healthy controls: agents in which nothing is wrong, so whatever is named is false."""

from benchmarks.planted_faults.fault import Fault

CONTROLS = (
    Fault("healthy_point", "control", "SAC on the point"),
    Fault(
        "healthy_norm", "control", "SAC on the point, LayerNorm and Tanh", grounds=("point_norm",)
    ),
    Fault(
        "healthy_normalised",
        "control",
        "SAC on the point, goals through VecNormalize",
        grounds=("point_normalised",),
    ),
    Fault(
        "healthy_stacked",
        "control",
        "SAC on the point, three frames stacked",
        grounds=("point_stacked",),
    ),
    Fault("healthy_point_td3", "control", "TD3 on the point", grounds=("point_td3",)),
    Fault("healthy_reach", "control", "SAC on FetchReach from pixels", grounds=("reach",)),
    Fault(
        "healthy_drq",
        "control",
        "SAC on FetchReach from pixels, DrQ's shift at its usual size",
        grounds=("reach",),
        random_shift=2,
    ),
    Fault("healthy_reach_td3", "control", "TD3 on FetchReach from pixels", grounds=("reach_td3",)),
    Fault("healthy_push_state", "control", "SAC on FetchPush from state", grounds=("push_state",)),
    Fault(
        "healthy_push_state_td3",
        "control",
        "TD3 on FetchPush from state",
        grounds=("push_state_td3",),
    ),
)
