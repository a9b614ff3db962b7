# %% [markdown]
# # My own agent, live: PPO and a camera
#
# Nothing here is goalscope's but the callback: an environment without goals, an agent of SB3. The question is which
# of its inputs the policy uses, learns from and hears.
#
# The task: a camera shows one of three lamps lit, and the lit one is to be named. A noise sensor tells nothing.

# %%
import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO

import goalscope
from goalscope.diagnostics import ModalityDiagnostics


class Lamps(gym.Env):
    observation_space = spaces.Dict(
        camera=spaces.Box(0, 255, (36, 36, 3), np.uint8),
        noise=spaces.Box(-1, 1, (4,), np.float32),
    )
    action_space = spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action):
        reward = float(action == self.lit)
        self.steps += 1
        return self._look(), reward, False, self.steps == 20, {}

    def _look(self):
        self.lit = int(self.np_random.integers(3))
        camera = np.zeros((36, 36, 3), np.uint8)
        camera[:, 12 * self.lit : 12 * self.lit + 12] = 255
        return {"camera": camera, "noise": self.np_random.uniform(-1, 1, 4).astype(np.float32)}


# %% [markdown]
# One line watches it. `on_finding="warn"` says what is wrong when it first holds, while the run goes on.

# %%
watch = ModalityDiagnostics(
    "runs/lamps", features_every=10, gradients_every=10, sensitivity_every=40, on_finding="warn"
)
model = PPO("MultiInputPolicy", Lamps(), n_steps=128, batch_size=64, n_epochs=8, seed=0)
_ = model.learn(256, callback=watch)

# %% [markdown]
# The run can be read whenever one likes, here after two rollouts. How far does each input move the action, of
# its range, when another observation's is put in its place?


# %%
def moved():
    frame = goalscope.load_run("runs/lamps").frame
    rows = frame.query("family == 'sensitivity' and name == 'action_swap'")
    return rows.pivot_table(index="update", columns="block", values="value").round(3)


moved()

# %% [markdown]
# It goes on: the same callback, the same record.

# %%
_ = model.learn(768, callback=watch, reset_num_timesteps=False)
moved()

# %% [markdown]
# The camera is to win, and the noise to lose. The findings, and the figure of the page:

# %%
run = goalscope.load_run("runs/lamps")
run

# %%
run.figures["input_sensitivity"]

# %% [markdown]
# From a shell the same page redraws itself while the run goes on: `goalscope report --follow runs/lamps`.
