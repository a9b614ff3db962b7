"""The callbacks beside ours: which there are, and which cannot be watched."""

from collections.abc import Iterator

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EventCallback

from goalscope.diagnostics.record import RecordError
from goalscope.probes import UnsupportedPolicy


def every_callback(callback: BaseCallback | None) -> Iterator[BaseCallback]:
    """Yield a callback and those that it calls."""
    if callback is not None:
        yield callback
    if isinstance(callback, CallbackList):
        for part in callback.callbacks:
            yield from every_callback(part)
    elif isinstance(callback, EventCallback):
        yield from every_callback(callback.callback)


def refuse_training_elsewhere(callback: BaseCallback | None) -> None:
    """Raise where a callback trains a copy of the agent in a thread of its own.

    Raises:
        UnsupportedPolicy: rl_zoo3's `ParallelTrainCallback` is among them. Known by its name: it
            need not be installed.
    """
    if any(type(one).__name__ == "ParallelTrainCallback" for one in every_callback(callback)):
        raise UnsupportedPolicy(
            "ParallelTrainCallback trains a copy of the agent, of which nothing can be seen here; "
            "leave it out of the run that is watched"
        )


def refuse_being_called_now_and_then(callback: BaseCallback) -> None:
    """Raise where a callback stands inside one that calls it at events alone.

    SB3's `EveryNTimesteps` and its kin tell it neither of rollouts nor of the end of training.

    Raises:
        RecordError: naming it.
    """
    if isinstance(callback.parent, EventCallback):
        inside = type(callback.parent).__name__
        raise RecordError(
            f"{type(callback).__name__} stands inside {inside}, which would not tell it when "
            "training ends; give it to learn() itself, and set how often it measures by its "
            "own arguments, such as features_every"
        )


def refuse_watching_twice(callback: BaseCallback | None, kind: type[BaseCallback]) -> None:
    """Raise where several callbacks of one class watch one training.

    Each would measure what the other does. Callbacks of different classes may stand side by side.

    Raises:
        RecordError: naming them.
    """
    watching = {id(one): one for one in every_callback(callback) if type(one) is kind}
    if len(watching) > 1:
        names = " and ".join(type(one).__name__ for one in watching.values())
        raise RecordError(f"{names} would watch the same training, and measure the same; keep one")
