"""One instrument alone, into SB3's own logger (here its CSV; TensorBoard works the same).

python examples/one_instrument.py logs
"""

import sys

from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import configure

from goalscope.diagnostics import GradientBalance
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings


def main(log_folder: str, steps: int = 300) -> None:
    settings = EnvironmentSettings(id="FetchReach-v4", image_size=36)
    env = make_vec_env(lambda: make_environment(settings), seed=0)
    model = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        buffer_size=steps,
        learning_starts=100,
        batch_size=64,
        seed=0,
    )
    model.set_logger(configure(log_folder, ["csv"]))
    model.learn(steps, log_interval=1, callback=GradientBalance(every=10))
    env.close()


if __name__ == "__main__":
    main(sys.argv[1], *(int(steps) for steps in sys.argv[2:]))
