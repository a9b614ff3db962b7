"""TQC, which is sb3-contrib's: an extra of its own."""

from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.errors import UserError


class NoTQC(UserError):
    """sb3-contrib is not installed; the message is one line and names the remedy."""


def tqc() -> type[OffPolicyAlgorithm]:
    """Return the class.

    Raises:
        NoTQC: the package is missing.
    """
    try:
        from sb3_contrib import TQC
    except ImportError as error:
        raise NoTQC("TQC needs the package sb3-contrib; install goalscope[tqc]") from error
    return TQC
