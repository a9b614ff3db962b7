"""Watch an SB3 agent of your own: one callback, then one report.

python examples/watch_my_agent.py runs/mine
goalscope report runs/mine
"""

import sys

from stable_baselines3 import SAC, HerReplayBuffer
from stable_baselines3.common.env_util import make_vec_env

from goalscope.diagnostics import ModalityDiagnostics
from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.envs.making import make_environment
from goalscope.training.envs.settings import EnvironmentSettings


def main(folder: str, steps: int = 400) -> None:
    settings = EnvironmentSettings(id="FetchReach-v4", image_size=48)
    env = make_vec_env(lambda: make_environment(settings), seed=0)
    model = SAC(
        "MultiInputPolicy",
        env,
        replay_buffer_class=HerReplayBuffer,
        policy_kwargs={"features_extractor_class": NormalizedCombinedExtractor},
        buffer_size=steps,
        learning_starts=100,
        batch_size=64,
        seed=0,
    )
    model.learn(steps, callback=ModalityDiagnostics(folder))
    env.close()


if __name__ == "__main__":
    main(sys.argv[1], *(int(steps) for steps in sys.argv[2:]))
