"""Success where SB3's own EvalCallback measures it: read from the logger as it is logged."""

from collections.abc import Callable, Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.logger import KVWriter, Logger

from goalscope.diagnostics.other_callbacks import every_callback
from goalscope.diagnostics.record.metrics import EVALUATION_RETURN, SUCCESS_RATE
from goalscope.diagnostics.record.successes import Successes

Record = Callable[[Callable[[], dict[str, float]]], None]

_RATE, _RETURN = "eval/success_rate", "eval/mean_reward"
_WHOLE = 1e-6  # of an episode: a rate of so many episodes comes to a whole number of successes


class LoggedEvaluations(KVWriter):
    """Reads each evaluation as the logger is dumped; nothing of the logger's values changes.

    Args:
        logger: of the agent that trains.
        callback: of the training, all of it.
        record: takes what returns record key -> value of an evaluation.
    """

    def __init__(self, logger: Logger, callback: BaseCallback, record: Record) -> None:
        own = [one for one in every_callback(callback) if isinstance(one, EvalCallback)]
        self._logger, self._record = logger, record
        # Of several, which logs cannot be told.
        self._callback = own[0] if len(own) == 1 else None
        logger.output_formats.append(self)

    def settings(self) -> dict[str, Any]:
        """Return what run.json says of how the run is evaluated."""
        if self._callback is None:
            return {}
        return {
            "evaluation.by": type(self._callback).__name__,
            "evaluation.episodes": self._callback.n_eval_episodes,
            "evaluation.deterministic": self._callback.deterministic,
        }

    def write(
        self,
        key_values: dict[str, Any],
        key_excluded: dict[str, tuple[str, ...]],
        step: int = 0,
    ) -> None:
        """Record what is logged of an evaluation; SB3 calls this at every dump."""
        if _RATE in key_values or _RETURN in key_values:
            episodes = None if self._callback is None else self._callback.n_eval_episodes
            self._record(lambda: evaluation_values(key_values, episodes))

    def close(self) -> None:
        """Do nothing: there is no file."""

    def __reduce__(self) -> tuple[type[KVWriter], tuple[()]]:
        """Return how a copy of the logger copies it: as one that hears nothing."""
        return _Deaf, ()

    def detach(self) -> None:
        """Take itself out of the logger."""
        if self in self._logger.output_formats:
            self._logger.output_formats.remove(self)


class _Deaf(KVWriter):
    """What stands in a copied logger."""

    def write(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def evaluation_values(logged: Mapping[str, Any], episodes: int | None) -> dict[str, float]:
    """Return record key -> value of a logged evaluation; empty where none is logged.

    Args:
        logged: SB3's key -> value.
        episodes: of the evaluation. Where they are unknown, or the rate is not one of so many
            episodes (some did not tell of success), its interval is left out.
    """
    found: dict[str, float] = {}
    if _RETURN in logged:
        found[EVALUATION_RETURN.key()] = float(logged[_RETURN])
    if _RATE in logged:
        rate = float(logged[_RATE])
        found[SUCCESS_RATE.key()] = rate
        if episodes and 0 <= rate <= 1 and abs(rate * episodes - round(rate * episodes)) < _WHOLE:
            found |= Successes(round(rate * episodes), episodes).metrics()
    return found
