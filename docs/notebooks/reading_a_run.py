# %% [markdown]
# # Reading a run
#
# A run's folder is its record. `load_run` gives its numbers as one tidy table, what is wrong with it, and the
# figures of its page, at any time: of a run that has ended, was cut off, or still goes on.
#
# First a run to read: stock SAC with hindsight on a point that is seen by a camera, for three hundred updates.

# %%
import gymnasium as gym
from stable_baselines3 import SAC, HerReplayBuffer

import goalscope
from goalscope.diagnostics import ModalityDiagnostics

env = gym.make("goalscope.training.envs.making:PixelPoint-v0", image_size=36)
model = SAC(
    "MultiInputPolicy",
    env,
    replay_buffer_class=HerReplayBuffer,
    buffer_size=1_000,
    learning_starts=100,
    batch_size=32,
    seed=0,
)
_ = model.learn(
    400, callback=ModalityDiagnostics("runs/point", features_every=10, gradients_every=10)
)

# %% [markdown]
# A run shows itself: what is wrong with it, the likeliest cause first.

# %%
run = goalscope.load_run("runs/point")
run

# %% [markdown]
# The same findings as a table, for a script that picks some of them.

# %%
run.findings[["name", "kind", "network", "since", "says"]]

# %% [markdown]
# Every number is a row of `frame`: whose it is (`owner`), of which input (`block`), at which update. What the
# first layers hear of each input, at the start and at the end, of the variance that reaches them. The goals here,
# which reach five units to each side, are far louder than the features of a fresh CNN:

# %%
heard = run.frame.query("family == 'signal' and name == 'share'")
heard.pivot_table(index=["owner", "block"], columns="update", values="value").iloc[
    :, [0, -1]
].round(4)

# %% [markdown]
# The figures of the page, by their names; each shows itself.

# %%
list(run.figures)

# %%
run.figures["forward_signal"]

# %% [markdown]
# The whole page, in a file to look at in a browser:

# %%
from goalscope.reports import write_report

print(write_report("runs/point").page)
