"""What an installation may leave out, as pyproject.toml names it, and what is said without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from goalscope.errors import UserError


class MissingExtra(UserError):
    """Something that was left out is needed; the message is one line and says how to install it."""


@dataclass(frozen=True)
class Extra:
    """What may be left out.

    Attributes:
        modules: that come with it.
        users: who needs them, as the subject of a sentence.
    """

    modules: tuple[str, ...]
    users: str

    def missing(self) -> list[str]:
        """Return the modules that are not installed; none of them is imported."""
        return [module for module in self.modules if find_spec(module) is None]


EXTRAS: Mapping[str, Extra] = {
    "fetch": Extra(("mujoco", "gymnasium_robotics"), "the Fetch tasks"),
    "probes": Extra(("captum",), "goalscope probe and the probes of attribution"),
    "tqc": Extra(("sb3_contrib",), "runs and files of TQC"),
    "cluster": Extra(("ray",), "goalscope study --executor ray"),
}


def require_extra(name: str) -> None:
    """Raise where an extra is not installed.

    Raises:
        MissingExtra: it is not.
    """
    extra = EXTRAS[name]
    if missing := extra.missing():
        raise MissingExtra(
            f"{extra.users} need {' and '.join(missing)}, not installed here; run: "
            f"pip install 'goalscope[{name}]'"
        )
