"""Asking an agent whether it uses its inputs: episodes of one checkpoint, into the run's record."""

from collections.abc import Sequence
from pathlib import Path

from goalscope.diagnostics.record import Line
from goalscope.errors import UserError
from goalscope.training.envs.making import make_environment
from goalscope.training.evaluation.ablation import ablate
from goalscope.training.evaluation.value_bias import value_bias
from goalscope.training.probing.checkpoints import (
    checkpoints_of,
    found_before,
    lines_before,
    load_weights,
    rebuilt,
    settings_at,
    write_found,
)
from goalscope.training.runs.checkpoint.folder import read_checkpoint

ABLATION_SEED = 60_000_019  # of no other environment
EPISODES = 50


def ablate_run(
    folder: Path, inputs: Sequence[str], only: Path | None = None, episodes: int = EPISODES
) -> Line:
    """Play a checkpoint's agent with inputs withheld, and write what that costs into the record.

    Beside it the bias of its value. What was found of other inputs before stays.

    Args:
        folder: the run's folder.
        inputs: keys of the observation; "goal" stands for both goals.
        only: a checkpoint's folder; None takes the newest.
        episodes: of each kind, at least 2.

    Returns:
        The line of that checkpoint.

    Raises:
        UserError: too few episodes, or no such input.
        CheckpointError: no checkpoints, damaged ones, or ones of another version.
    """
    if episodes < 2:
        raise UserError(f"--episodes must be at least 2, and {episodes} is not")
    checkpoint = checkpoints_of(folder)[-1] if only is None else read_checkpoint(only)
    settings = settings_at(checkpoint, folder)
    model = rebuilt(settings, folder)
    env = model.get_env()
    assert env is not None
    own = make_environment(settings.environment)
    try:
        load_weights(model, checkpoint)
        found = ablate(model.policy, own, inputs, episodes, ABLATION_SEED)
        found |= value_bias(model.policy, own, settings.agent.gamma, episodes, ABLATION_SEED)
    finally:
        own.close()
        env.close()
    before = found_before(lines_before(folder), checkpoint)
    return write_found(folder, checkpoint, before | found)
