"""The metrics of transitions; formulas and sources: docs/measurements.md."""

from goalscope.diagnostics.record.keys import ACTOR, CRITIC, CRITIC_TARGET, Family
from goalscope.diagnostics.record.metric_kinds import kind_of

FEW_REWARDS = 8  # different ones: more are no yes and no, with a price for steps or falls
_GOALS = "goals are observed, and the batch holds real transitions"
_transitions = kind_of(Family.TRANSITIONS, ("replay",))
UNCHANGED_FRACTION = _transitions("unchanged_fraction", "share", "steps that change nothing")
TERMINATED_FRACTION = _transitions("terminated_fraction", "share", "ends that are no time limit")
REWARD_MIN = _transitions("reward_min", "reward", "least reward")
REWARD_MAX = _transitions("reward_max", "reward", "largest reward")
REWARD_SPREAD = _transitions("reward_spread", "reward", "spread of the rewards")
REWARD_LEVELS = _transitions("reward_levels", "rewards", "different rewards")
STEP_OVER_SPREAD = _transitions(
    "step_over_spread", "ratio", "a step over the spread of observations", "observations vary"
)
ACTION_OVER_GOALS = _transitions(
    "action_over_goals",
    "ratio",
    "what an action moves, over the distance between goals",
    f"{_GOALS} and vary, and actions move what is achieved",
)
GOAL_OFFSET = _transitions(
    "goal_offset", "spreads", "from achieved to desired goals", f"{_GOALS}; goals vary"
)
GOAL_GAP = _transitions(
    "goal_gap",
    "spreads",
    "from achieved to desired goals where the reward says that they are one",
    "goals are observed, the environment computes rewards, and three real steps were rewarded so",
)
ASKED_GOAL_SPREAD = _transitions(
    "asked_goal_spread",
    "goal units",
    "spread of the goals that episodes ask for",
    "goals are observed, and five episodes have ended",
)
GOAL_CHANGE_FRACTION = _transitions(
    "goal_change_fraction",
    "share",
    "steps that ask for another goal after than before",
    "goals are observed",
)
REWARDS_PER_TARGET = _transitions("rewards_per_target", "count", "rewards that meet a target")
REDRAWN_FRACTION = _transitions(
    "redrawn_fraction", "share", "transitions that the next draw returns again"
)
FOREIGN_GOAL_FRACTION = _transitions(
    "foreign_goal_fraction",
    "share",
    "goals achieved elsewhere than later in their episode",
    "goals are observed, and an episode has ended",
)
EPISODES_HELD = _transitions("episodes_held", "count", "finished episodes that replay holds")
EPISODES_FORGOTTEN = _transitions(
    "episodes_forgotten", "count", "finished episodes that replay has overwritten"
)
UNREACHED_END_FRACTION = _transitions(
    "unreached_end_fraction",
    "share",
    "steps that end an episode for good, its goal not reached",
    "an episode has ended",
)
CUT_AS_END_FRACTION = _transitions(
    "cut_as_end_fraction",
    "share",
    "episodes that end so at the usual length of an episode",
    "three episodes have ended",
)
EARLY_END_FRACTION = _transitions(
    "early_end_fraction",
    "share",
    "episodes that end so at another length, and are not charged for it",
    "three episodes have ended, the environment computes rewards, and these are eight or fewer",
)
EPISODE_LENGTH = _transitions(
    "episode_length", "steps", "longest episode that replay holds", "an episode has ended"
)
START_DRIFT = _transitions(
    "start_drift",
    "spreads of the goals",
    "how far what episodes start from has drifted",
    "goals are observed and vary, and six episodes have ended",
)
GOAL_SHIFT = _transitions(
    "goal_shift",
    "spreads",
    "how far goals have shifted, seen from where episodes start",
    "goals are observed and vary, and twenty episodes have ended",
)
DRAW_SKEW = _transitions(
    "draw_skew",
    "share",
    "how unevenly transitions are drawn",
    "goals are observed, and 16 rows of a batch are found in replay by what they achieved",
)
RELABELLED_FRACTION = _transitions(
    "relabelled_fraction",
    "share",
    "goals that their episode achieved",
    "goals are observed, and an episode has ended",
)
ACTION_EFFECT_R2 = _transitions(
    "action_effect_r2",
    "R^2",
    "R^2 of the action, from what its step changed",
    "something changes, and eight actions differ",
)
_MOVING = (
    "goals are observed, actions are a box, and 96 steps of the newest episodes move what is "
    "achieved, by actions that vary half as much as in all of replay"
)
_newest = kind_of(Family.TRANSITIONS, ("newest",))
NEWEST_EFFECT_R2 = _newest(
    "action_effect_r2",
    "R^2",
    "R^2 of the action in the newest episodes, from what its step changed",
    _MOVING,
)
NEWEST_OVER_GOALS = _newest(
    "action_over_goals",
    "ratio",
    "what an action moves in the newest episodes, over the distance between goals",
    f"{_MOVING}; an object that actions do not move is left out",
)
_OWN_MOTION = "goals are observed, and the box of actions is as large on either side of 0"
IDLE_MOTION = _transitions(
    "idle_motion",
    "ratio",
    "what action 0 moves, over what the largest does",
    f"{_OWN_MOTION}; actions move what is achieved, and do so either way",
)
CUT_SHARE = _transitions(
    "cut_share",
    "share",
    "what of a step the actions' signs leave untold, over that and what actions leave",
    f"{_OWN_MOTION}; actions move what is achieved",
)
TRACKING_NOISE = _transitions(
    "tracking_noise",
    "spreads of the goals",
    "white noise on what is achieved",
    "goals are observed and vary, actions are a box, and three episodes have ended",
)
SUCCESS_FRACTION = kind_of(Family.TRANSITIONS, ("real", "relabelled", "stored"))(
    "success_fraction",
    "share",
    "rewards of a goal reached",
    "the environment computes rewards, and the batch holds that kind of transition",
)
REAL_REWARD_MISMATCH = kind_of(Family.TRANSITIONS, ("real",))(
    "reward_mismatch",
    "share",
    "rewards of other goals",
    "the replay buffer relabels, and an episode has ended",
)
_ASKED = "the replay buffer relabels, without what the environment said of steps; goals are vectors"
GOAL_IGNORED_FRACTION = _transitions(
    "goal_ignored_fraction",
    "share",
    "achieved goals that are paid no more where they are asked for",
    f"{_ASKED}, and not all one",
)
PAID_DISTANCE = _transitions(
    "paid_distance",
    "goal units",
    "distance from a goal up to which it is paid as reached",
    f"{_ASKED} of floating-point numbers, and rewards are two",
)
PLACE_R2 = kind_of(Family.TRANSITIONS, ("replay", CRITIC, ACTOR), None)(
    "place_r2",
    "R^2",
    "R^2 of what is achieved, from pixels or their features",
    "it is an image, goals are observed, and 64 different ones were achieved",
)
INTERLEAVING = kind_of(Family.TRANSITIONS, ("replay",), None)(
    "interleaving",
    "ratio",
    "difference of pixels beside each other over that of pixels three apart",
    "it is an image that varies along its rows",
)
ACTION_SPREAD = kind_of(Family.TRANSITIONS, ("replay", ACTOR))(
    "action_spread", "half action ranges", "spread of the actions"
)
_actor = kind_of(Family.TRANSITIONS, (ACTOR,))
SATURATED_ACTIONS = _actor("saturated_fraction", "share", "action components at their ends")
CUT_OFF_FRACTION = _actor(
    "cut_off_fraction", "share", "mean actions that are exactly the least or the largest"
)
Q_WEIGHT = _actor(
    "q_weight",
    "ratio",
    "fall of the actor's loss where its actions' values rise",
    "the actor steps in an update that was tracked, in which it asked the critics once",
)
_SQUASHED = "the actor draws from a normal distribution and puts it through Tanh, as SB3's SAC"
LEAST_SPREAD = _actor(
    "least_spread", "Tanh inputs", "least spread of what Tanh makes actions of", _SQUASHED
)
DENSITY_ERROR = _actor(
    "density_error",
    "nats",
    "error of the log densities that the actor reports",
    f"{_SQUASHED}; eight rows lie away from the ends",
)
_bounded = kind_of(
    Family.TRANSITIONS, (CRITIC,), (), "a return is bounded: a reward is not 0, gamma below 1"
)
Q_EXCESS = _bounded("q_excess", "widths of the bounds", "Q beyond what rewards allow")
ENTROPY_OVER_REWARDS = _bounded(
    "entropy_over_rewards", "ratio per nat", "entropy coefficient over the range of rewards"
)
Q_BIAS = _bounded("q_bias", "widths of the bounds", "Q above what episodes returned")
NEWEST_Q_BIAS = _bounded(
    "newest_q_bias", "widths of the bounds", "Q above what the newest episodes returned"
)
TARGET_MOTION = kind_of(Family.TRANSITIONS, (CRITIC_TARGET,))(
    "motion",
    "ratio",
    "the target's motion over the critic's",
    "the critic has moved, in ten updates or more",
)
TARGET_LAG = kind_of(Family.TRANSITIONS, (CRITIC_TARGET,))(
    "lag",
    "ratio",
    "the target's distance from the critic, first layers",
    "the critic moves in the update that was tracked, not the first",
)
_LESSON = "an update was tracked in which the critics were asked once"
_lesson = kind_of(Family.TRANSITIONS, (CRITIC,))
TWIN_GAP = _lesson(
    "twin_gap", "ratio", "largest distance between critics", f"{_LESSON}; there are two or more"
)
UNPAID_FRACTION = _lesson(
    "unpaid_fraction",
    "share",
    "taught values that no reward explains",
    f"{_LESSON}; the loss is squared, the critics are two or more and differ, rewards are not 0",
)
CUT_FRACTION = kind_of(Family.TRANSITIONS, (CRITIC_TARGET,))(
    "cut_fraction",
    "share",
    "the target's answers that are cut off short of what rewards allow",
    f"{_LESSON}, and the target once; gamma is below 1",
)
_NO_AUGMENTATION = "the last steps lie in replay one by one, and come back twice alike"
_differs = kind_of(Family.TRANSITIONS, ("replay",), (), _NO_AUGMENTATION)
_key_differs = kind_of(Family.TRANSITIONS, ("replay",), None, _NO_AUGMENTATION)
KEY_DIFFERS = _key_differs("differs", "share", "observations that are not those of the environment")
NEXT_DIFFERS = _key_differs("next_differs", "share", "the same of next observations")
TURNED_FRACTION = kind_of(Family.TRANSITIONS, ("replay",), None)(
    "turned_fraction",
    "share",
    "images that come back mirrored or turned",
    "it is an image that comes back otherwise each time, as augmented ones do",
)
ACTION_DIFFERS = _differs("action_differs", "share", "actions that are not those carried out")
REWARD_DIFFERS = _differs("reward_differs", "share", "rewards that are not the environment's")
END_DIFFERS = _differs("end_differs", "share", "ends that are not the environment's")
STILL_FRACTION = kind_of(Family.TRANSITIONS, ("environment",), None)(
    "still_fraction",
    "share",
    "steps that leave the image as it was",
    "it is an image, and eight of the last steps moved a vector",
)
LATENESS = kind_of(Family.TRANSITIONS, ("environment",), None)(
    "lateness",
    "correlation",
    "how much better the image shows what moved before than what moves now",
    "it is an image, and the last steps moved a vector",
)
INPUT_OFFSET = kind_of(Family.TRANSITIONS, ("acting",), None)(
    "input_offset",
    "spreads in replay",
    "from what the actor learns from to what it acts on",
    f"{_NO_AUGMENTATION}; the actor was asked for the actions",
)
OWN_FRACTION = kind_of(Family.TRANSITIONS, ("acting",))(
    "own_fraction",
    "share",
    "steps that carry out the policy's own action, with no exploration",
    "eight of the last steps were the policy's, its action at no end",
)
UNASKED_FRACTION = kind_of(Family.TRANSITIONS, ("acting",))(
    "unasked_fraction",
    "share",
    "steps since the warm-up that the network that acts was not asked for",
    "eight of the last steps came after the warm-up, and lie in replay one by one",
)
TRAVEL = kind_of(Family.TRANSITIONS, (CRITIC, ACTOR), None)(
    "travel",
    "steps",
    "how far the weights came, in steps of the last size",
    "ten updates or more since the measurement before, and the last step is not 0",
)
_input = kind_of(Family.TRANSITIONS, (CRITIC, ACTOR), None)
MODE_DIFFERENCE = _input(
    "mode_difference",
    "spreads in training mode",
    "from features in training mode to those in evaluation mode",
    "the block varies between observations",
)
ALONE_DIFFERENCE = _input(
    "alone_difference",
    "spreads in a batch",
    "from features in a batch to those of an observation alone",
    "the block varies between observations",
)
INPUT_MAX = _input("input_max", "bytes over 255", "largest input of the encoder", "it is an image")
LEVELS_KEPT = _input(
    "levels_kept",
    "share",
    "grey levels that reach the encoder",
    "it is an image, and the encoder is given it whole",
)
ROUGHNESS_GAINED = _input(
    "roughness_gained",
    "ratio",
    "how much less smooth images reach the encoder",
    "it is an image, and the encoder is given it whole",
)
NORMALISED_OFFSET = _input(
    "normalised_offset",
    "standard deviations or nats",
    "off mean 0 and spread 1",
    "VecNormalize, or a layer that shifts and scales, normalises the block",
)
