"""The ninth round's agents: mistakes in the network, the losses, settings, resumes and evaluations.

What is wrong around the agent stands in `ninth_round_faults`.
"""

from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.utils import obs_as_tensor
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from benchmarks.planted_faults.grounds import GROUNDS
from benchmarks.planted_faults.spoils.agent_faults import fix_entropy
from benchmarks.planted_faults.spoils.eighth_round_agent_faults import achieved_goal_unread
from benchmarks.planted_faults.spoils.extractor_faults import images_scaled_twice
from benchmarks.planted_faults.spoils.fifth_round_agent_faults import no_exploration
from benchmarks.planted_faults.spoils.sixth_round_agent_faults import CustomSAC, without_gradient
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training.agents.extractors import FusionExtractor
from goalscope.training.envs.making import make_environment

ENTROPY = 2.0  # of which a step costs 1
LATENT = 32
TD3_RATE = 1e-3
JUST_ABOVE = 5  # steps of warm-up beyond one episode
EVALUATED_EVERY = 100  # updates
EPISODES = 10  # of an evaluation
SLOW = 1e-5  # a learning rate for what has been taught before
_DEMONSTRATED = 500  # steps: ten episodes of Fetch
_LESSONS, _LESSON_RATE = 300, 1e-3
_STEP = 0.03  # metres that the gripper moves by the largest action
_STRAY = 0.3  # part of the demonstrated steps that are taken at random, so as to show the way back


# The features extractor


def scaled_twice_and_alone(extractor: FusionExtractor) -> None:
    """Divide images by 255 once more, where no vector tells what they show."""
    achieved_goal_unread(extractor)
    images_scaled_twice(extractor)


def small_latent_without_gradient(extractor: FusionExtractor) -> None:
    """Encode images to 32 numbers under no_grad, where no vector tells what they show."""
    achieved_goal_unread(extractor)
    encoder: Any = extractor.extractors["pixels"]
    space: Any = extractor._observation_space
    extractor._features_dim += LATENT - encoder.features_dim
    extractor.extractors["pixels"] = NatureCNN(space["pixels"], LATENT)
    without_gradient(extractor)


# The losses


class FrozenTargetSAC(CustomSAC):
    """SAC whose update, written anew, ends without that of the target network."""

    def _follow(self) -> None:
        pass


class FlatRewardsSAC(CustomSAC):
    """SAC that takes its rewards as a row, where dones and values are columns."""

    def _learn_values(self, data: Any, weight: Tensor) -> None:
        super()._learn_values(data._replace(rewards=data.rewards.flatten()), weight)


def target_forgotten(agent: Any) -> None:
    """Leave the update of the target network out."""
    agent.__class__ = FrozenTargetSAC


def rewards_flattened(agent: Any) -> None:
    """Flatten the rewards, and nothing else: targets are (B, B)."""
    agent.__class__ = FlatRewardsSAC


# Settings


def no_noise_and_short_warm_up(model: TD3) -> None:
    """Give TD3 its own defaults, no noise among them, and random steps for hardly an episode.

    At its own rate what is not explored is soon done at full throttle; at the bench's slower one
    hardly less is seen than with noise.
    """
    no_exploration(model)
    model.learning_rate = TD3_RATE
    model._setup_lr_schedule()
    env = model.get_env()
    assert env is not None  # it was made with one
    steps = env.get_attr("goal_task")[0].episode_steps
    model.learning_starts = steps + JUST_ABOVE


def entropy_of_2(agent: Any) -> None:
    """Fix the weight of the entropy at 2."""
    fix_entropy(agent, ENTROPY)


# A resume


def resumed_with_a_fresh_encoder(model: SAC) -> None:
    """Load what was saved into a new policy, whose encoders have other names: they stay new.

    The networks are those that there are, so that whoever watches them sees what a resumed process
    has; optimisers begin anew, as those of a new agent do.
    """
    saved = {
        name.replace("features_extractor.", "encoder."): values.clone()
        for name, values in model.policy.state_dict().items()
    }
    resumed = model.policy_class(
        model.observation_space,
        model.action_space,
        model.lr_schedule,
        **model.policy_kwargs,
    )
    resumed.load_state_dict(saved, strict=False)
    model.policy.load_state_dict(resumed.state_dict())
    for network in (model.actor, model.critic):
        network.optimizer.state.clear()


# An evaluation


def evaluated_on_raw_goals(model: SAC) -> None:
    """Train under VecNormalize, and evaluate in an environment without it.

    No agent learns the task in so few updates; this one begins with a policy that was taught from
    demonstrations, and learns slowly enough to keep it.
    """
    env = model.get_env()
    assert env is not None  # it was made with one
    normalised = VecNormalize(env, norm_reward=False, norm_obs_keys=list(GOAL_KEYS))
    model.env = model._vec_normalize_env = normalised
    _teach(model, normalised)
    model.learning_rate = SLOW
    model._setup_lr_schedule()
    train = model.train

    def train_and_evaluate(*args: Any, **options: Any) -> None:
        train(*args, **options)
        if model._n_updates % EVALUATED_EVERY == 0:
            _evaluate(model)

    model.train = train_and_evaluate  # type: ignore[method-assign]


def _evaluate(model: SAC) -> None:
    """Log what the policy does where nothing normalises its observations."""
    raw = make_vec_env(
        lambda: make_environment(GROUNDS["reach"].environment), seed=model._n_updates
    )
    successes: list[float] = []

    def note(found: dict[str, Any], _: dict[str, Any]) -> None:
        if found["done"]:
            successes.append(float(found["info"]["is_success"]))

    reward, _ = evaluate_policy(model, raw, EPISODES, callback=note)
    raw.close()
    model.logger.record("eval/mean_reward", reward)
    model.logger.record("eval/success_rate", float(np.mean(successes)))
    model.logger.dump(model.num_timesteps)


def _teach(model: SAC, env: VecNormalize) -> None:
    """Teach the actor to go straight to the goal, and the environment its statistics."""
    generator = np.random.default_rng(model.seed)
    env.reset()
    seen: list[dict[str, np.ndarray]] = []
    shown: list[np.ndarray] = []
    for _ in range(_DEMONSTRATED):
        observation: Any = env.get_original_obs()
        action = np.zeros((1, 4), np.float32)
        way = observation["desired_goal"] - observation["achieved_goal"]
        action[:, :3] = np.clip(way / _STEP, -0.9, 0.9)
        seen.append({key: values.copy() for key, values in observation.items()})
        shown.append(action)
        stray = generator.uniform(-1, 1, action.shape).astype(np.float32)
        env.step(stray if generator.random() < _STRAY else action)
    everything = {key: np.concatenate([one[key] for one in seen]) for key in seen[0]}
    actions = torch.as_tensor(np.concatenate(shown), device=model.device)
    optimizer = torch.optim.Adam(model.actor.parameters(), _LESSON_RATE)
    for _ in range(_LESSONS):
        rows = generator.integers(len(actions), size=64)
        batch = env.normalize_obs({key: values[rows] for key, values in everything.items()})
        answers = model.actor(obs_as_tensor(batch, model.device), deterministic=True)
        loss = (answers - actions[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
