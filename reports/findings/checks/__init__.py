"""The checks: what can be wrong with a run, each a number and a threshold.

In the order of cause and effect, from what is observed to what the agent makes of it: of several
that speak, the first is the likeliest cause of the others. Limits stand last.
"""

from goalscope.reports.findings.check import Check
from goalscope.reports.findings.checks.actor import ACTOR_CHECKS
from goalscope.reports.findings.checks.critic import CRITIC_CHECKS
from goalscope.reports.findings.checks.encoder import ENCODER_CHECKS
from goalscope.reports.findings.checks.environment import ENVIRONMENT_CHECKS
from goalscope.reports.findings.checks.goal_limits import GOAL_LIMITS
from goalscope.reports.findings.checks.network_limits import NETWORK_LIMITS
from goalscope.reports.findings.checks.replay import REPLAY_CHECKS
from goalscope.reports.findings.checks.scene_limits import SCENE_LIMITS

CHECKS: tuple[Check, ...] = (
    *ENVIRONMENT_CHECKS,
    *REPLAY_CHECKS,
    *CRITIC_CHECKS,
    *ENCODER_CHECKS,
    *ACTOR_CHECKS,
    *GOAL_LIMITS,
    *SCENE_LIMITS,
    *NETWORK_LIMITS,
)
