"""Numbers of a healthy run, what makes each check speak, and runs that hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from goalscope.reports.numbers.runs import Run

UPDATES = (0, 1, 50, 300, 550, 600)
Values = float | Sequence[tuple[int, float]]  # one for the whole run, or (update, value)

HEALTHY = {
    "observation/replay.pixels.spread": 0.04,
    "observation/replay.desired_goal.spread": 0.1,
    "observation/replay.achieved_goal.spread": 0.09,
    "training/relabelled.reward_mismatch": 0.0,
    "transitions/real.reward_mismatch": 0.0,
    "transitions/replay.asked_goal_spread": 0.1,
    "transitions/replay.goal_change_fraction": 0.0,
    "transitions/replay.rewards_per_target": 1.0,
    "transitions/replay.redrawn_fraction": 0.0,
    "transitions/environment.pixels.still_fraction": 0.0,
    "transitions/environment.pixels.lateness": -0.5,
    "transitions/replay.episode_length": 50.0,
    "transitions/replay.start_drift": 0.0,
    "transitions/replay.tracking_noise": 0.0,
    "transitions/replay.idle_motion": 0.02,
    "transitions/replay.cut_share": 0.9,
    "transitions/critic.pixels.levels_kept": 1.0,
    "transitions/critic.pixels.roughness_gained": 1.0,
    "transitions/actor.cut_off_fraction": 0.01,
    "transitions/replay.draw_skew": 0.1,
    **{
        f"gradient/{loss}.{name}": value
        for loss in ("critic_loss", "actor_loss")
        for name, value in (
            ("own_gradient", 1.0),
            ("downhill", 0.3),
            ("moments_kept", 1.0),
            ("bfloat16_fraction", 0.0),
        )
    },
    "content/critic.pixels.gripper_cm": 2.0,
    "content/actor.pixels.gripper_cm": 2.0,
    "content/critic.pixels.gripper_r2": 0.9,
    "content/actor.pixels.gripper_r2": 0.9,
    "content/critic.pixels.fresh_gripper_r2": 0.5,
    "content/actor.pixels.fresh_gripper_r2": 0.5,
    "content/critic.pixels.raw_desired_goal_r2": 0.0,
    "prediction/critic.features.next_goal_r2": 0.9,
    "prediction/critic.features.next_goal_with_previous_r2": 0.91,
    "prediction/critic.features.next_goal_with_proprioception_r2": 0.91,
    "augmentation/camera.cm_per_pixel": 2.5,
    "training/critic.q_spread": 0.5,
    "sensitivity/actor.pixels.action_swap": 0.1,
    "sensitivity/actor.desired_goal.action_goal_swap": 0.3,
    "sensitivity/critic.desired_goal.q_goal_swap": 1.0,
    "training/relabelled.unmoved_fraction": 0.5,
    "training/updates_per_step": 0.9,
    "signal/critic.pixels.signal": 0.1,
    "signal/critic.goal.signal": 2.0,
    "transitions/replay.unchanged_fraction": 0.0,
    "transitions/replay.terminated_fraction": 0.0,
    "transitions/replay.reward_min": -1.0,
    "transitions/replay.reward_max": 0.0,
    "transitions/replay.reward_spread": 0.4,
    "transitions/replay.goal_offset": 0.5,
    "transitions/replay.relabelled_fraction": 0.8,
    "transitions/replay.action_effect_r2": 0.6,
    "transitions/replay.step_over_spread": 0.1,
    "transitions/replay.action_over_goals": 0.1,
    "transitions/acting.pixels.input_offset": 0.0,
    "transitions/acting.desired_goal.input_offset": 0.02,
    "transitions/replay.pixels.differs": 0.0,
    "transitions/replay.pixels.next_differs": 0.0,
    "transitions/replay.desired_goal.differs": 0.0,
    "transitions/replay.desired_goal.next_differs": 0.0,
    "transitions/replay.episodes_held": 200.0,
    "transitions/replay.episodes_forgotten": 0.0,
    "transitions/critic.pixels.mode_difference": 0.0,
    "transitions/critic.pixels.alone_difference": 0.0,
    "transitions/replay.action_differs": 0.0,
    "transitions/replay.reward_differs": 0.0,
    "transitions/replay.end_differs": 0.0,
    "transitions/replay.goal_gap": 0.2,
    "transitions/replay.foreign_goal_fraction": 0.0,
    "transitions/replay.unreached_end_fraction": 0.0,
    "transitions/replay.cut_as_end_fraction": 0.0,
    "transitions/replay.pixels.place_r2": [(u, 0.6) for u in range(0, 601, 60)],
    "transitions/critic.pixels.place_r2": [(u, 0.3) for u in range(0, 601, 60)],
    "transitions/replay.pixels.interleaving": 0.5,
    "transitions/replay.early_end_fraction": 0.0,
    "transitions/replay.goal_ignored_fraction": 0.0,
    "transitions/replay.paid_distance": 0.05,
    "transitions/critic_target.cut_fraction": [(u, 0.0) for u in range(0, 601, 60)],
    "transitions/acting.unasked_fraction": 0.0,
    "transitions/critic.entropy_over_rewards": 0.05,
    **{
        f"transitions/{network}.{part}.travel": [(u, 15.0) for u in (10, 50, 300, 550, 600)]
        for network in ("critic", "actor")
        for part in ("pixels", "first_layers")
    },
    "gradient/critic_loss.action.update_ratio": 0.002,
    "gradient/actor_loss.goal.update_ratio": 0.002,
    "transitions/critic.q_excess": 0.0,
    "transitions/critic.q_bias": 0.0,
    "transitions/critic_target.motion": 0.5,
    "transitions/critic_target.lag": 0.02,
    "transitions/critic.twin_gap": 0.1,
    "transitions/critic.unpaid_fraction": [(u, 0.0) for u in range(0, 601, 60)],
    "transitions/actor.density_error": [(u, 1e-4) for u in range(0, 601, 60)],
    "transitions/actor.least_spread": 0.95,
    "transitions/actor.q_weight": [(u, 1.0) for u in range(0, 601, 60)],
    "transitions/acting.own_fraction": 0.0,
    "transitions/actor.saturated_fraction": 0.2,
    "gradient/critic_loss.desired_goal.weight_gradient": 0.2,
    "gradient/actor_loss.desired_goal.weight_gradient": 0.01,
    "transitions/critic.pixels.input_max": 0.9,
    "transitions/critic.observation.normalised_offset": 0.5,
    "transitions/real.success_fraction": 0.0,
    "transitions/relabelled.success_fraction": 0.4,
    "transitions/stored.success_fraction": 0.0,
}

FAULTS = {
    "constant_images": {"observation/replay.pixels.spread": 0.0},
    "images_scaled_twice": {"transitions/critic.pixels.input_max": 0.004},
    "images_not_scaled": {"transitions/critic.pixels.input_max": 255.0},
    "normalisation_stale": {"transitions/critic.achieved_goal.normalised_offset": 8.0},
    "constant_goal": {"transitions/replay.asked_goal_spread": 0.0},
    "images_stand_still": {"transitions/environment.pixels.still_fraction": 1.0},
    "images_late": {"transitions/environment.pixels.lateness": 0.8},
    "draws_uneven": {"transitions/replay.draw_skew": 0.9},
    "actions_one_sided": {"transitions/replay.idle_motion": 1.0},
    "actions_cut": {"transitions/replay.cut_share": 0.2},
    "achieved_goal_noisy": {"transitions/replay.tracking_noise": 0.3},
    "images_rearranged": {"transitions/critic.pixels.roughness_gained": 3.0},
    "images_lose_levels": {"transitions/critic.pixels.levels_kept": 0.02},
    "actor_cut_off": {"transitions/actor.cut_off_fraction": 0.5},
    "starts_drift": {"transitions/replay.start_drift": 2.0},
    "episodes_too_short": {"transitions/replay.episode_length": 2.0},
    "success_unpaid": {"training/rollout.success_rate": 0.8},
    "draws_repeat": {"transitions/replay.redrawn_fraction": 1.0},
    "rewards_broadcast": {"transitions/replay.rewards_per_target": 32.0},
    "goal_changes_in_step": {"transitions/replay.goal_change_fraction": 0.9},
    "images_differ_in_replay": {
        "transitions/replay.pixels.differs": 0.9,
        "transitions/replay.pixels.next_differs": 0.9,
        "transitions/acting.pixels.input_offset": 1.0,
    },
    "replay_forgets": {
        "transitions/replay.episodes_held": 3.0,
        "transitions/replay.episodes_forgotten": 97.0,
    },
    "evaluated_elsewhere": {
        "training/rollout.success_rate": 0.9,
        "training/rollout.episodes": 10.0,
        "evaluation/policy.success_rate": 0.0,
    },
    "features_depend_on_batch": {"transitions/critic.pixels.alone_difference": 1.0},
    "features_differ_by_mode": {"transitions/critic.pixels.mode_difference": 1.5},
    "vectors_differ_in_replay": {"transitions/replay.desired_goal.differs": 1.0},
    "next_observation_same": {
        "transitions/replay.unchanged_fraction": 1.0,
        "transitions/replay.pixels.next_differs": 1.0,
    },
    "next_observations_differ": {"transitions/replay.pixels.next_differs": 1.0},
    "actions_differ_in_replay": {
        "transitions/replay.action_differs": 1.0,
        "transitions/replay.action_effect_r2": 0.08,
    },
    "rewards_differ_in_replay": {"transitions/replay.reward_differs": 0.3},
    "ends_differ_in_replay": {"transitions/replay.end_differs": 0.1},
    "inputs_differ_at_acting": {"transitions/acting.desired_goal.input_offset": 1.0},
    "goals_of_other_episodes": {"transitions/replay.foreign_goal_fraction": 0.7},
    "time_limit_terminates": {"transitions/replay.cut_as_end_fraction": 1.0},
    "entropy_above_rewards": {"transitions/critic.entropy_over_rewards": 20.0},
    "goals_in_another_frame": {"transitions/replay.goal_offset": 1.4},
    "goals_not_relabelled": {"transitions/replay.relabelled_fraction": 0.0},
    "reward_mismatch": {"transitions/real.reward_mismatch": 0.5},
    "success_paid_elsewhere": {
        "transitions/real.success_fraction": 1.0,
        "transitions/stored.success_fraction": 1.0,
        "training/rollout.success_rate": 0.0,
    },
    "relabelled_at_once": {
        "transitions/relabelled.success_fraction": 1.0,
        "training/relabelled.unmoved_fraction": 0.0,
    },
    "normalised_unlike_replay": {
        "transitions/critic.achieved_goal.normalised_offset": 0.5,
        "observation/replay.achieved_goal.spread": 9.0,
    },
    "critic_ignores_action": {"sensitivity/critic.action.q_swap": 0.0},
    "rewards_out_of_range": {"transitions/replay.reward_min": -100.0},
    "reward_constant": {"transitions/replay.reward_spread": 0.0},
    "always_terminated": {"transitions/replay.unreached_end_fraction": 0.5},
    "place_not_in_images": {
        "transitions/replay.pixels.place_r2": [(u, 0.1) for u in range(0, 601, 60)],
        "transitions/critic.pixels.place_r2": [(u, 0.05) for u in range(0, 601, 60)],
    },
    "images_interleaved": {"transitions/replay.pixels.interleaving": 3.0},
    "replay_emptied": {
        "transitions/replay.episodes_held": [(u, 200.0 if u < 200 else 20.0) for u in UPDATES]
    },
    "ends_save_costs": {"transitions/replay.early_end_fraction": 0.4},
    "reward_ignores_goal": {"transitions/replay.goal_ignored_fraction": 1.0},
    "tolerance_unlike_task": {"transitions/replay.paid_distance": 5e-5},
    "acts_by_another": {"transitions/acting.unasked_fraction": 1.0},
    "actions_shuffled": {"transitions/replay.action_effect_r2": 0.08},
    "actions_without_effect": {
        "transitions/replay.action_over_goals": 0.0025,
        "transitions/replay.action_effect_r2": 0.0,
    },
    "observations_stand_still": {"transitions/replay.step_over_spread": 1e-4},
    "goals_hardly_reached": {"observation/replay.achieved_goal.spread": 1e-3},
    "targets_unlike_returns": {
        "transitions/critic.unpaid_fraction": [(u, 0.9) for u in range(0, 601, 60)]
    },
    "densities_unlike_actions": {
        "transitions/actor.density_error": [(u, 0.8) for u in range(0, 300, 30)]
    },
    "actor_lowers_q": {"transitions/actor.q_weight": [(u, -1.0) for u in range(0, 601, 60)]},
    "actor_asks_no_critic": {"transitions/actor.q_weight": [(u, 0.0) for u in range(0, 601, 60)]},
    "policy_spread_wide": {"transitions/actor.least_spread": 2.6},
    "successes_overdrawn": {"transitions/real.success_fraction": 1.0},
    "target_is_critic": {"transitions/critic_target.lag": 0.0},
    "critics_identical": {"transitions/critic.twin_gap": 0.0},
    "acts_without_exploration": {"transitions/acting.own_fraction": 1.0},
    "target_frozen": {"transitions/critic_target.motion": 0.0},
    "augmentation_far": {
        "augmentation/critic.pixels.augmentation_over_signal": 0.5,
        "augmentation/camera.shift_cm": 80.0,
    },
    "critic_constant": {"training/critic.q_spread": 0.0},
    "critic_underestimates": {"transitions/critic.newest_q_bias": -0.4},
    "q_beyond_rewards": {"transitions/critic.q_excess": 3.0},
    "actor_saturated": {"transitions/actor.saturated_fraction": 1.0},
    "image_block_loud": {"signal/critic.pixels.signal": 40.0},
    "goals_never_real": {"transitions/replay.relabelled_fraction": 1.0},
    "vector_inputs_loud": {"signal/critic.achieved_goal.signal": 1e4},
    "goal_inputs_tiny": {"signal/critic.goal.signal": 1e-5},
    "goal_unheard": {"sensitivity/actor.desired_goal.action_goal_swap": 0.0},
}
PER_NETWORK = {
    "gradients_left_over": {"gradient/{}_loss.own_gradient": 0.1},
    "moments_forgotten": {"gradient/{}_loss.moments_kept": 0.01},
    "weights_in_bfloat16": {"gradient/{}_loss.bfloat16_fraction": 1.0},
    "steps_uphill": {"gradient/{}_loss.downhill": [(u, -0.4) for u in range(0, 600, 60)]},
    "steps_too_large": {
        f"gradient/{{}}_loss.{block}.update_ratio": 0.3
        for block in ("pixels", "achieved_goal", "desired_goal", "goal", "action")
    },
    "signals_blow_up": {
        f"signal/{{}}.{block}.signal": [(u, 1e5 if u else 1.0) for u in range(0, 601, 60)]
        for block in ("pixels", "achieved_goal", "desired_goal", "action")
    },
    "steps_vanish": {
        f"gradient/{{}}_loss.{block}.update_ratio": 1e-7
        for block in ("pixels", "achieved_goal", "desired_goal", "goal", "action")
    },
    "weights_jump": {"transitions/{}.first_layers.travel": 1e4},
    "weights_overwritten": {"transitions/{}.pixels.travel": 1.0},
    "no_gradient": {
        f"gradient/{{}}_loss.{block}.weight_gradient": 0.0
        for block in ("pixels", "achieved_goal", "desired_goal", "goal", "action")
    },
    "dead_units": {"features/{}.pixels.zero_fraction": 1.0},
    "constant_features": {"features/{}.pixels.spread": 0.0},
    "saturated": {"features/{}.pixels.saturated_fraction": 0.9},
    "encoder_without_gradient": {"gradient/{}_loss.pixels.encoder_gradient": 0.0},
    "encoder_not_moving": {"gradient/{}_loss.pixels.encoder_update_ratio": 0.0},
}
LIMITS = {
    "goal_path_quiet": {"signal/critic.goal.signal": 0.02},
    "object_unmoved": {"training/relabelled.unmoved_fraction": 0.99},
    "camera_too_coarse": {"augmentation/camera.cm_per_pixel": 8.0},
    "augmentation_above_signal": {"augmentation/critic.pixels.augmentation_over_signal": 2.0},
    "trained_reads_worse": {"content/actor.pixels.gripper_r2": -0.3},
    "content_missing": {"content/critic.pixels.gripper_cm": 9.0},
    "rank_collapsed": {"features/critic.pixels.effective_rank": 1.1},
    "critic_overestimates": {"transitions/critic.q_bias": 0.6},
    "critic_ignores_goal": {"sensitivity/critic.desired_goal.q_goal_swap": 0.01},
    "critic_ignores_pixels": {"sensitivity/critic.pixels.q_swap": 0.01},
    "actor_ignores_goal": {"sensitivity/actor.desired_goal.action_goal_swap": 1e-3},
    "actor_ignores_pixels": {"sensitivity/actor.pixels.action_swap": 0.0},
    "velocity_missing": {"prediction/critic.features.next_goal_r2": 0.2},
    "proprioception_missing": {
        "prediction/critic.features.next_goal_with_proprioception_r2": 1.0,
        "prediction/critic.features.next_goal_r2": 0.85,
    },
    "goal_in_image": {"content/critic.pixels.raw_desired_goal_r2": 0.8},
    "entropy_collapsed": {"training/entropy.coefficient": 1e-5},
    "few_updates": {"training/updates_per_step": 0.125},
}


def with_metrics(run: Run, values: Mapping[str, Values], updates: Sequence[int] = UPDATES) -> Run:
    """Return the run with these metrics beside, or in place of, its own."""
    return replace(
        run, metrics={**run.metrics, **{k: table(v, updates) for k, v in values.items()}}
    )


def table(values: Values, updates: Sequence[int] = UPDATES) -> pd.DataFrame:
    """Return a metric's table."""
    rows = [(u, values) for u in updates] if isinstance(values, int | float) else list(values)
    places, numbers = zip(*rows, strict=True)
    return pd.DataFrame({"update": places, "step": places, "value": list(map(float, numbers))})
