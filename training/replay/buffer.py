"""Hindsight replay of images and goals that stores each frame once."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.preprocessing import get_obs_shape
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.her.goal_selection_strategy import GoalSelectionStrategy

from goalscope.diagnostics.material.declared_task import declared_task
from goalscope.training.replay.frames import FrameStore
from goalscope.training.replay.kept_features import KeptFeatures
from goalscope.training.replay.moved import MovedEpisodes
from goalscope.training.replay.ownership import FolderClaim
from goalscope.training.replay.ring import FrameRing
from goalscope.training.replay.sampling import FinishedRows
from goalscope.training.replay.saving import load_buffer, write_buffer
from goalscope.training.replay.shift import random_shift as shift_at_random
from goalscope.training.replay.sizes import (
    frame_shapes,
    place_in_memory,
    place_on_disk,
    replay_bytes,
)

Reward = Callable[[np.ndarray, np.ndarray, list[dict[str, Any]]], np.ndarray]


class SharedFrameHerReplayBuffer(HerReplayBuffer):
    """SB3's `HerReplayBuffer` in half the memory, an eighth with four stacked frames.

    A drop-in `replay_buffer_class` for Dict observations of images and goals: the same transitions,
    relabelled in the same way, in the same batches from the same seed. Each frame is stored once,
    and stacks are put together when they are sampled; goals, other vectors, actions and rewards are
    stored as SB3 stores them. Drawing a batch takes the same time however large the buffer is.

    `observations` and `next_observations` hold the vectors only.

    Args:
        buffer_size: transitions kept, over all environments.
        observation_space: Dict with `achieved_goal`, `desired_goal` and images, channels-first.
        action_space: of the environment.
        env: the training environment.
        device: of the batches.
        n_envs: number of environments.
        optimize_memory_usage: SB3's own way of doing this, which knows no Dict; must be False.
        handle_timeout_termination: as in SB3.
        n_sampled_goal: relabelled transitions for each real one.
        goal_selection_strategy: "future", "final" or "episode".
        copy_info_dict: give `compute_reward` the info dictionaries; they are kept, which is slow.
        frame_stack: frames in an image, oldest first; each step moves the stack on by one.
        random_shift: shift images at random by up to so many pixels, DrQ's augmentation; an
            observation and the next are shifted independently.
        moved_half: draw half of each batch from episodes in which what is achieved moved.
        compute_reward: reward float (B,) of achieved goals (B, n), desired goals (B, n) and infos;
            None asks the first environment, which in a SubprocVecEnv means waiting for a process.
        frames: keep frames in "memory" (the device's where they fit), or in files on "disk".
        frames_folder: for these files; in memory, for the frames that `save_state` writes.
        spare_rows: on disk, rows of transitions that may be added after a `save_state` before it
            can no longer be loaded.

    Raises:
        ValueError: images channels-last, no images, an impossible setting, or `moved_half` for an
            environment whose task does not say what has not moved.
        BufferTooLarge: there is no room for it.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Dict,
        action_space: spaces.Space[np.ndarray],
        env: VecEnv,
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        n_sampled_goal: int = 4,
        goal_selection_strategy: GoalSelectionStrategy | str = "future",
        copy_info_dict: bool = False,
        *,
        frame_stack: int = 1,
        random_shift: int | None = None,
        moved_half: bool = False,
        compute_reward: Reward | None = None,
        frames: Literal["memory", "disk"] = "memory",
        frames_folder: Path | None = None,
        spare_rows: int = 0,
    ) -> None:
        if optimize_memory_usage:
            raise ValueError("frames are shared anyway; leave optimize_memory_usage False")
        if random_shift is not None and random_shift < 1:
            raise ValueError(f"random_shift={random_shift} shifts nothing; use 1 or more, or None")
        shapes = frame_shapes(observation_space, frame_stack)
        place: torch.device | Path
        spare_rows = spare_rows if frames == "disk" else 0
        need = replay_bytes(
            observation_space,
            action_space,
            buffer_size,
            n_envs,
            frame_stack,
            declared_task(env).episode_steps,
            spare_rows,
        )
        if frames == "disk":
            place = place_on_disk(need, frames_folder)
        else:
            place = place_in_memory(need, get_device(device))
        vectors = {key: space for key, space in observation_space.items() if key not in shapes}
        super().__init__(
            buffer_size,
            spaces.Dict(vectors),
            action_space,
            env,
            device=device,
            n_envs=n_envs,
            handle_timeout_termination=handle_timeout_termination,
            n_sampled_goal=n_sampled_goal,
            goal_selection_strategy=goal_selection_strategy,
            copy_info_dict=copy_info_dict,
        )
        self.observation_space = observation_space
        self.obs_shape = get_obs_shape(observation_space)  # type: ignore[assignment]
        if not copy_info_dict:
            self.infos = np.empty((0, n_envs), object)  # a million empty dictionaries otherwise
        self.random_shift = random_shift
        self.compute_reward = compute_reward
        self.frames_folder = frames_folder
        rows = self.buffer_size
        claim = FolderClaim(place) if isinstance(place, Path) else None
        stores = {
            key: FrameStore(key, shape, (rows + spare_rows) * n_envs, place)
            for key, shape in shapes.items()
        }
        if claim is not None and not all(store.found for store in stores.values()):
            claim.hold([])  # no saved state can be loaded from files that are new
        self.frame_ring = FrameRing(stores, rows, n_envs, frame_stack, spare_rows, claim)
        self.finished = FinishedRows(rows, n_envs)
        self.moved = MovedEpisodes(self) if moved_half else None

    def add(  # type: ignore[override]
        self,
        obs: dict[str, np.ndarray],
        next_obs: dict[str, np.ndarray],
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """Store a transition of each environment.

        Raises:
            ValueError: the image stack of `next_obs` is not that of `obs` moved on by one frame.
        """
        self.frame_ring.add(obs, next_obs, begins=self._current_ep_start == self.pos)
        # The whole oldest episode goes as its first row is overwritten.
        self.finished.drop(self.ep_length[self.pos])
        super().add(obs, next_obs, action, reward, done, infos)

    def _compute_episode_length(self, env_idx: int) -> None:
        super()._compute_episode_length(env_idx)
        self.finished.finish(env_idx, self.frame_ring.added)
        self.frame_ring.end(env_idx)
        if self.moved is not None:
            self.moved.forget()

    def sample(  # type: ignore[override]
        self,
        batch_size: int,
        env: VecNormalize | None = None,
        kept: KeptFeatures | None = None,
    ) -> DictReplayBufferSamples:
        """Return a batch: real transitions, then `int(her_ratio * batch_size)` relabelled ones.

        Images are uint8 (batch, frame_stack * C, H, W). Without random shifts an observation's and
        the next one's are views of one tensor: copy before writing to them.

        Args:
            batch_size: transitions.
            env: whose statistics normalise vectors and rewards.
            kept: features, float (batch, F), to put in the images' place; without random shifts.

        Raises:
            RuntimeError: no episode has ended yet.
            ValueError: features of images that are shifted at random.
        """
        if kept is not None and self.random_shift is not None:
            raise ValueError("features that are kept are of images that no random shift moves")
        if not (self.finished.end > self.finished.first).any():
            raise RuntimeError(
                "Unable to sample before the end of the first episode; choose learning_starts "
                "greater than the number of steps of an episode, times the environments"
            )
        relabelled = int(self.her_ratio * batch_size)
        # SB3 relabels those it draws first, and puts them last.
        drawn = self.finished.draw(batch_size)
        if self.moved is not None:
            drawn = self.moved.mix_in(*drawn)
        rows, columns = (np.roll(index, -relabelled) for index in drawn)
        return self._batch(rows, columns, relabelled, env, kept)

    def save_state(self, folder: Path) -> None:
        """Save everything for `load_state`, in a new folder; no pickle.

        Frames are not written anew: on disk they are where they are, and from memory those added
        since the last save go to `frames_folder`. What the state before this one needs stays until
        the next save (on disk: until a transition is added), so that a process that dies before
        the caller has noted the new folder can go on from the old one.

        Raises:
            ReplayStateError: info dictionaries are kept, or there is no `frames_folder`.
            OSError: the disk is full; states saved before can still be loaded.
        """
        self.write_state(folder)()

    def write_state(self, folder: Path) -> Callable[[], None]:
        """Do what `save_state` does, and leave its last step to the caller: what is returned.

        To be called, before anything is added, once all is well that belongs to the state beside
        the buffer. Where it is not called, the state before counts as the last one.

        Raises:
            ReplayStateError, OSError: as `save_state`.
        """
        return write_buffer(self, folder)

    def load_state(self, folder: Path) -> None:
        """Take over what `save_state` saved of a buffer made with the same arguments.

        Raises:
            ReplayStateError: files are missing or damaged, of another buffer, or their frames have
                been overwritten since.
        """
        load_buffer(self, folder)

    def _get_real_samples(
        self, batch_indices: np.ndarray, env_indices: np.ndarray, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        return self._batch(batch_indices, env_indices, 0, env)

    def _get_virtual_samples(
        self, batch_indices: np.ndarray, env_indices: np.ndarray, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        return self._batch(batch_indices, env_indices, len(batch_indices), env)

    def _batch(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        relabelled: int,
        env: VecNormalize | None,
        kept: KeptFeatures | None = None,
    ) -> DictReplayBufferSamples:
        """Return the transitions at these rows of these environments, the last ones relabelled."""
        now = {key: values[rows, columns] for key, values in self.observations.items()}
        following = {key: values[rows, columns] for key, values in self.next_observations.items()}
        rewards = self.rewards[rows, columns]
        if relabelled:
            last = slice(len(rows) - relabelled, None)
            goals = self._sample_goals(rows[last], columns[last])
            now["desired_goal"][last] = following["desired_goal"][last] = goals
            rewards[last] = self._reward(
                following["achieved_goal"][last], goals, rows[last], columns[last]
            )
        dones = self.dones[rows, columns] * (1 - self.timeouts[rows, columns])
        images = (kept or self.frame_ring).read(rows, columns, self.device)
        return DictReplayBufferSamples(
            observations=self._observation(now, {k: pair[0] for k, pair in images.items()}, env),
            actions=self.to_torch(self.actions[rows, columns], copy=False),
            next_observations=self._observation(
                following, {k: pair[1] for k, pair in images.items()}, env
            ),
            dones=self.to_torch(dones.reshape(-1, 1), copy=False),
            rewards=self.to_torch(self._normalize_reward(rewards.reshape(-1, 1), env), copy=False),
        )

    def _observation(
        self,
        vectors: dict[str, np.ndarray],
        images: Mapping[str, torch.Tensor],
        env: VecNormalize | None,
    ) -> dict[str, torch.Tensor]:
        normalised = self._normalize_obs(vectors, env)
        assert isinstance(normalised, dict)
        observation = {key: self.to_torch(values, copy=False) for key, values in normalised.items()}
        for key, image in images.items():
            shifts = self.random_shift
            observation[key] = image if shifts is None else shift_at_random(image, shifts)
        return observation

    def _reward(
        self, achieved: np.ndarray, desired: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        infos: list[dict[str, Any]] = (
            copy.deepcopy(self.infos[rows, columns]) if self.copy_info_dict else [{} for _ in rows]
        )
        if self.compute_reward is not None:
            return self.compute_reward(achieved, desired, infos)
        assert self.env is not None, "set_env(env) first: the reward of a new goal is asked of it"
        # A DummyVecEnv calls its first environment here, once for the batch.
        rewards: np.ndarray = self.env.env_method(
            "compute_reward", achieved, desired, infos, indices=[0]
        )[0]
        return rewards
