"""The agent that faults are planted in: SAC and hindsight as a user of Stable-Baselines3 has them.

FetchReach from 36x36 images. The goal vectors are standardised: without that the same agent stays
at 0 % for 5,000 steps, and a fault planted in an agent that does not learn anyway shows nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env

from benchmarks.planted_faults.environment_faults import GoalEnv
from benchmarks.planted_faults.extractor_faults import extractor_class
from benchmarks.planted_faults.faults import Arm, Planting, Wrapper
from benchmarks.planted_faults.replay_faults import replay_class
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings

ENVIRONMENT = EnvironmentSettings(id="FetchReach-v4", image_size=36)
BATCH = 128
STARTS = 100  # steps before the first update, two episodes
# FetchReach draws goals evenly within 15 cm of where the gripper starts.
GOALS = {
    "standardised": dict.fromkeys(GOAL_KEYS, ((1.34, 0.75, 0.53), (0.087, 0.087, 0.087))),
}
ARMS: dict[Arm, dict[str, Any]] = {
    "plain": {"cnn_output_dim": 256},
    "norm": {"cnn_output_dim": 50, "trunk": "layernorm-tanh"},
}


def make_wrapped(wrappers: Sequence[Wrapper]) -> GoalEnv:
    """Return an environment of the run: for training, probes and evaluation alike."""
    env: GoalEnv = make_environment(ENVIRONMENT)
    for wrap in wrappers:
        env = wrap(env)
    return env


def make_agent(planted: Planting, seed: int, total_steps: int) -> SAC:
    """Return an untrained agent with the faults in it; the caller closes its environment.

    Args:
        planted: the faults.
        seed: of the agent and of its environment.
        total_steps: transitions it will see, all of which replay keeps.
    """
    spoils = [fault.extractor for fault in planted.faults if fault.extractor is not None]
    replays = [fault.replay for fault in planted.faults if fault.replay is not None]
    model = SAC(
        "MultiInputPolicy",
        make_vec_env(partial(make_wrapped, planted.wrappers), n_envs=1, seed=seed),
        replay_buffer_class=replay_class(replays),
        replay_buffer_kwargs={"random_shift": planted.random_shift},
        buffer_size=total_steps,
        learning_starts=STARTS,
        batch_size=BATCH,
        gamma=0.8,
        tau=0.05,
        ent_coef="auto_0.05",
        policy_kwargs={
            "features_extractor_class": extractor_class(spoils),
            "features_extractor_kwargs": ARMS[planted.arm] | GOALS,
        },
        seed=seed,
        device="cpu",
    )
    for fault in planted.faults:
        if fault.agent is not None:
            fault.agent(model)
    return model
