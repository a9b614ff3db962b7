"""What a run must have for a check to be asked of it."""

from collections.abc import Callable
from enum import Enum

from goalscope.reports.numbers.runs import Run

LONG_ENOUGH = 2_000  # updates: a healthy agent, too, is at the floor before


class Need(Enum):
    """A condition of a check, and why it cannot be made where the run lacks it."""

    ENCODER = "no network encodes images, or anything else"
    FRESH_ENCODER = "the encoder learns before the first update"
    TANH = "no encoder ends in Tanh"
    VECTOR_TANH = "no vector goes through a Tanh"
    GOALS = "no network reads a goal"
    GOAL_SHOWN = "neither the environment nor a network knows a goal"
    REPLAY = "the agent keeps no replay"
    UNTOLD = "vectors tell every position that its images could"
    HINDSIGHT = "the replay buffer does not relabel"
    TOLERANCE = "the task's tolerance is not known"
    GOAL_RANGE = "how far apart the task's goals lie is not known"
    LENGTH = f"the run is shorter than {LONG_ENOUGH:,} updates"

    def met(self, run: Run) -> bool:
        """Whether a run meets it."""
        return _MET[self](run)


def _in_tanh(run: Run) -> list[str]:
    return [block["name"] for block in run.blocks("critic") if block.get("ends_in") == "Tanh"]


def _has_encoder(run: Run) -> bool:
    block = run.image_block()
    return any(
        b["name"] == block and bool(b.get("encoder_parameters"))
        for network in ("critic", "actor")
        for b in run.blocks(network)
    )


_MET: dict[Need, Callable[[Run], bool]] = {
    Need.ENCODER: _has_encoder,
    Need.FRESH_ENCODER: lambda run: not run.settings.get("agent.encoder_warmup"),
    Need.TANH: lambda run: run.image_block() in _in_tanh(run),
    Need.VECTOR_TANH: lambda run: bool(set(_in_tanh(run)) - {run.image_block()}),
    Need.GOALS: lambda run: bool(run.observes_goal()),
    Need.GOAL_SHOWN: lambda run: bool(run.observes_goal()) or run.shows_goal(),
    Need.REPLAY: lambda run: "agent.gae_lambda" not in run.settings,
    Need.UNTOLD: lambda run: any(run.untold_position(n) for n in ("critic", "actor")),
    Need.HINDSIGHT: lambda run: "agent.n_sampled_goal" in run.settings,
    Need.TOLERANCE: lambda run: run.task.tolerance is not None,
    Need.GOAL_RANGE: lambda run: run.task.goal_range is not None,
    Need.LENGTH: lambda run: run.updates >= LONG_ENOUGH,
}
