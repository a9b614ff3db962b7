"""Made-up transitions: a point on a plane that goes where actions say, seen as a bright spot."""

import numpy as np
import torch

from goalscope.probes import ReplayBatch

STEP = 0.1  # how far an action of 1 goes, in goal units; goals and points lie in [-1, 1]
TOLERANCE = 0.3
SIDE = 24


def spots(points: np.ndarray, side: int = SIDE) -> torch.Tensor:
    """Return a smooth spot at each point (B, 2), uint8 (B, 1, side, side)."""
    axis = np.linspace(-1.5, 1.5, side)
    squares = [np.square(axis[None] - points[:, i : i + 1]) for i in (1, 0)]
    distance = squares[0][:, :, None] + squares[1][:, None, :]
    return torch.as_tensor(255 * np.exp(-distance / 0.05)).to(torch.uint8)[:, None]


def point_batch(
    rows: int = 128, seed: int = 0, action_scale: float = 1.0, relabelled: float = 0.8
) -> ReplayBatch:
    """Return transitions, the last of them relabelled with where some steps more lead to.

    Args:
        rows: of the batch.
        seed: of everything.
        action_scale: what the world makes of an action.
        relabelled: share of the rows.
    """
    draw = np.random.default_rng(seed)
    before = draw.uniform(-1, 1, (rows, 2))
    actions = draw.uniform(-1, 1, (rows, 2))
    after = before + STEP * action_scale * actions
    goals = draw.uniform(-1, 1, (rows, 2))
    first = rows - int(relabelled * rows)
    goals[first:] = after[first:] + draw.normal(size=(rows - first, 2)) * STEP * action_scale
    reached = np.linalg.norm(after - goals, axis=1) < TOLERANCE
    now, following = (
        {
            "achieved_goal": torch.as_tensor(points),
            "desired_goal": torch.as_tensor(goals),
            "pixels": spots(points),
        }
        for points in (before, after)
    )
    return ReplayBatch(
        now,
        following,
        torch.as_tensor(actions, dtype=torch.float32),
        torch.as_tensor(reached - 1.0, dtype=torch.float32),
        torch.zeros(rows),
        torch.arange(rows) >= first,
    )
