"""TQC, which is sb3-contrib's: an extra of its own."""

from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from goalscope.extras import require_extra


def tqc() -> type[OffPolicyAlgorithm]:
    """Return the class.

    Raises:
        MissingExtra: the package is not installed.
    """
    require_extra("tqc")
    from sb3_contrib import TQC

    algorithm: type[OffPolicyAlgorithm] = TQC
    return algorithm
