"""The table of checks: what can be wrong with a run.

In the order of cause and effect, from the steps that are taken and what is observed to what the
agent makes of it: of several that speak, the first is the likeliest cause of the others. Limits
stand last.
"""

from goalscope.reports.checks.acting import ACTING_CHECKS
from goalscope.reports.checks.action_space import ACTION_SPACE_CHECKS
from goalscope.reports.checks.actions import ACTION_CHECKS
from goalscope.reports.checks.actor import ACTOR_CHECKS, ACTOR_LOSS_CHECKS
from goalscope.reports.checks.check import Check
from goalscope.reports.checks.critic import CRITIC_CHECKS
from goalscope.reports.checks.encoder import ENCODER_CHECKS
from goalscope.reports.checks.episodes import EPISODE_CHECKS
from goalscope.reports.checks.fusion import FUSION_CHECKS
from goalscope.reports.checks.goal_limits import GOAL_LIMITS
from goalscope.reports.checks.goals import GOAL_CHECKS
from goalscope.reports.checks.gradients import GRADIENT_CHECKS
from goalscope.reports.checks.images import IMAGE_CHECKS
from goalscope.reports.checks.network_limits import NETWORK_LIMITS
from goalscope.reports.checks.optimisation import OPTIMISATION_CHECKS
from goalscope.reports.checks.replay import REPLAY_CHECKS
from goalscope.reports.checks.rewards import REWARD_CHECKS
from goalscope.reports.checks.scene_limits import SCENE_LIMITS
from goalscope.reports.checks.stored import STORED_CHECKS
from goalscope.reports.checks.vectors import VECTOR_CHECKS

CHECKS: tuple[Check, ...] = (
    *OPTIMISATION_CHECKS,
    *ACTOR_LOSS_CHECKS,
    *STORED_CHECKS,
    *ACTING_CHECKS,
    *ACTION_SPACE_CHECKS,
    *EPISODE_CHECKS,
    *REWARD_CHECKS,
    *GOAL_CHECKS,
    *IMAGE_CHECKS,
    *VECTOR_CHECKS,
    *ACTION_CHECKS,
    *REPLAY_CHECKS,
    *CRITIC_CHECKS,
    *ENCODER_CHECKS,
    *FUSION_CHECKS,
    *ACTOR_CHECKS,
    *GRADIENT_CHECKS,
    *GOAL_LIMITS,
    *SCENE_LIMITS,
    *NETWORK_LIMITS,
)
