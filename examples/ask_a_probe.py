"""Ask a question of a policy without any run: where are its blocks, and who hears the goal?

python examples/ask_a_probe.py
"""

import numpy as np
from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.probes import goal_sensitivity, view_networks
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.run import make_probe_set


def main() -> None:
    settings = EnvironmentSettings(id="FetchReach-v4", image_size=36)
    env = make_vec_env(lambda: make_environment(settings), seed=0)
    model = SAC(
        "MultiInputPolicy", env, replay_buffer_class=HerReplayBuffer, buffer_size=100, seed=0
    )
    networks = view_networks(model.policy)
    for block in networks["critic"].blocks:
        print(f"{block.name}: {block.width} fused features, made by {block.ends_in or 'nothing'}")
    batch = make_probe_set(settings).batch(model.device)
    numbers = goal_sensitivity(
        networks["actor"], networks["critic"], batch, np.random.default_rng(0)
    )
    for name, value in numbers.items():
        print(f"{name:45s} {value.item():8.4f}")
    env.close()


if __name__ == "__main__":
    main()
