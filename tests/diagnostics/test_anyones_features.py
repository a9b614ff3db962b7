"""What reads the fused features, what they are made of, and what normalises observations."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers.more_keys import MoreKeys, vector_agent
from helpers.point_env import PointEnv
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import Tensor, nn

from goalscope.cli.main import main
from goalscope.diagnostics import GoalSensitivity, ModalityDiagnostics
from goalscope.diagnostics.material.probe_set import gather_probe_set, load_probe_set
from goalscope.diagnostics.material.run_probe_set import RunProbeSet
from goalscope.diagnostics.material.wandering import ProbeSetError
from goalscope.diagnostics.record import read_run
from goalscope.diagnostics.record.keys import ACTOR_LOSS, CRITIC_LOSS, LOSSES
from goalscope.diagnostics.updates.tap import Tap
from goalscope.probes import view_networks
from goalscope.reports import write_report


class Linear(BaseFeaturesExtractor):
    """One layer over both goals each."""

    def __init__(self, space: gym.spaces.Dict) -> None:
        super().__init__(space, features_dim=8)
        self.layers = nn.ModuleDict({key: nn.Linear(2, 4) for key in space.spaces})

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return torch.cat([net(observations[key]) for key, net in self.layers.items()], dim=1)


class Reader(nn.Module):
    """Q-networks whose output also pulls at the features, past the first layer."""

    def __init__(self, net: nn.Sequential, width: int) -> None:
        super().__init__()
        self.net, self.width = net, width

    def forward(self, inputs: Tensor) -> Tensor:
        q: Tensor = self.net(inputs)
        return q + 3.0 * inputs[:, : self.width].square().mean(dim=1, keepdim=True)


def with_side_readers(agent: SAC) -> SAC:
    """Let each Q-network read the fused features twice: by its first layer, and by their square."""
    for critic in (agent.critic, agent.critic_target):
        for number, net in enumerate(critic.q_networks):
            reader = Reader(net, critic.features_extractor.features_dim)
            critic.q_networks[number] = reader
            setattr(critic, f"qf{number}", reader)
    return agent


def tracked(agent: SAC, update: int = 3):
    """Return what the tap saw at an update, the true dL/dz of each loss, and its notes."""
    updates, notes, failures, true = [], [], [], {}
    passes: list[Tensor] = []

    def keep(_: nn.Module, args: object, features: Tensor) -> None:
        if features.requires_grad:
            features.retain_grad()
            passes.append(features)

    def note_gradient(loss: str):
        def before(*_: object) -> None:
            mine = [p for p in passes if p.grad is not None]
            true[loss] = mine[-1].grad.clone() if mine else None
            passes.clear()

        return before

    for loss, network in ((CRITIC_LOSS, agent.critic), (ACTOR_LOSS, agent.actor)):
        network.optimizer.register_step_pre_hook(note_gradient(loss))
    agent.critic.features_extractor.register_forward_hook(keep)
    tap = Tap(
        view_networks(agent.policy),
        start=0,
        wanted=lambda number: LOSSES if number == update else (),
        on_first=lambda: None,
        on_update=updates.append,
        on_failure=failures.append,
        on_note=notes.append,
    )
    agent.learn(20 + update)
    tap.detach()
    assert failures == []
    return updates[0], true, notes


def test_where_only_first_layers_read_the_features_nothing_is_said():
    agent = vector_agent(SAC, policy_kwargs={"features_extractor_class": Linear, "net_arch": [16]})
    seen, true, notes = tracked(agent)
    assert notes == []
    assert seen.losses[CRITIC_LOSS].received is None
    torch.testing.assert_close(seen.losses[CRITIC_LOSS].fusion_gradients(8), true[CRITIC_LOSS])


def test_what_else_reads_the_features_is_found_and_counted():
    agent = with_side_readers(
        vector_agent(SAC, policy_kwargs={"features_extractor_class": Linear, "net_arch": [16]})
    )
    seen, true, notes = tracked(agent)
    update = seen.losses[CRITIC_LOSS]
    torch.testing.assert_close(update.fusion_gradients(8), true[CRITIC_LOSS])
    through = sum(
        d @ w[:, :8] for d, w in zip(update.output_gradients, update.weights, strict=True)
    )
    assert (through - true[CRITIC_LOSS]).norm() > 0.1 * true[CRITIC_LOSS].norm()
    (note,) = notes
    assert note.startswith("critic_loss: more than the critic's first layers reads")
    assert "\n" not in note


@pytest.mark.parametrize("every", [1, 50])
def test_the_record_and_its_page_say_so_and_nothing_changes(tmp_path, every, few_figures):
    settings = {"policy_kwargs": {"features_extractor_class": Linear, "net_arch": [16]}}
    plain = with_side_readers(vector_agent(SAC, **settings))
    plain.learn(60)
    watched = with_side_readers(vector_agent(SAC, **settings))
    callback = ModalityDiagnostics(tmp_path / "run", gradients_every=every)
    watched.learn(60, callback=callback)
    for name, value in plain.policy.state_dict().items():
        assert torch.equal(value, watched.policy.state_dict()[name]), name
    assert callback.failures == {}
    notes = [note for note in read_run(tmp_path / "run").notes if "more than" in note]
    assert len(notes) == 1
    page = write_report(tmp_path / "run").page.read_text()
    assert "more than the critic&#39;s first layers reads" in page


class Drawing(Linear):
    """Draws a code, as a variational encoder does."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        mean = super().forward(observations)
        return mean + 0.1 * torch.randn_like(mean)


def test_a_run_with_a_stochastic_extractor(tmp_path):
    callback = ModalityDiagnostics(tmp_path / "run")
    settings = {"policy_kwargs": {"features_extractor_class": Drawing, "net_arch": [16]}}
    vector_agent(SAC, **settings).learn(60, callback=callback)
    assert callback.failures == {}
    blocks = read_run(tmp_path / "run").info.networks["critic"]["blocks"]
    assert [(b["name"], b["width"]) for b in blocks] == [("achieved_goal", 4), ("desired_goal", 4)]


def test_keys_called_as_made_up_blocks_are_counted_once(tmp_path):
    box = gym.spaces.Box(-1, 1, (3,), np.float32)
    env = MoreKeys(PointEnv(), goal=box, action=box)
    callback = ModalityDiagnostics(tmp_path / "run")
    vector_agent(SAC, env=env).learn(40, callback=callback)
    assert callback.failures == {}
    run = read_run(tmp_path / "run")
    names = [block["name"] for block in run.info.networks["critic"]["blocks"]]
    assert sorted(names) == ["achieved_goal", "desired_goal", "key_action", "key_goal"]
    for stem, name in (
        ("signal/critic", "share"),
        ("features/actor", "dimension_share"),
        ("gradient/critic_loss", "weight_gradient_share"),
    ):
        lines = [v.values for v in run.measurements if f"{stem}.key_goal.{name}" in v.values]
        assert lines
        for values in lines:
            total = sum(values[f"{stem}.{block}.{name}"] for block in names)
            assert total == pytest.approx(1, abs=1e-4)


def test_a_saturated_actor_is_a_finding_and_no_broken_number(tmp_path, capsys, few_figures):
    agent = vector_agent(TD3)
    with torch.no_grad():
        agent.actor.mu[-2].bias.fill_(300.0)  # before the Tanh
    callback = ModalityDiagnostics(tmp_path / "run")
    agent.learn(400, callback=callback)
    run = read_run(tmp_path / "run")
    key = "gradient/actor_loss.desired_goal.{}"
    lines = [v.values for v in run.measurements if key.format("weight_gradient") in v.values]
    assert {values[key.format("weight_gradient")] for values in lines} == {0.0}
    for name in ("weight_gradient_share", "fusion_gradient_share", "signal_gradient_share"):
        assert not any(key.format(name) in values for values in lines)
    broken = {name for name in run.nonfinite() if name.startswith(("gradient/", "signal/"))}
    assert broken == set()
    found = write_report(tmp_path / "run").diagnosis.findings
    (saturated,) = [f for f in found if f.check.name == "actor_saturated"]
    assert ("no_gradient", "actor") in [(f.check.name, f.network) for f in saturated.follows]
    assert main(["report", str(tmp_path / "run")]) == 0, capsys.readouterr().err


def normalised_env(**settings) -> VecNormalize:
    env = VecNormalize(DummyVecEnv([lambda: Monitor(PointEnv(**settings))]), norm_reward=False)
    env.seed(0)
    return env


def test_given_states_are_seen_as_the_run_normalises_them(tmp_path):
    env = normalised_env(goal_shift=50.0)
    probe_set = gather_probe_set(PointEnv(goal_shift=50.0))
    agent = vector_agent(SAC, env=env)
    callback = GoalSensitivity(tmp_path / "run", probe_set=probe_set)
    agent.learn(200, callback=callback)
    assert callback.failures == {}
    fixed = RunProbeSet(probe_set)
    batch = fixed.batch(agent)
    statistics = env.obs_rms["desired_goal"]
    raw = probe_set.observations["desired_goal"]
    expected = (raw - statistics.mean) / np.sqrt(statistics.var + env.epsilon)
    np.testing.assert_allclose(batch.observations["desired_goal"].numpy(), expected, rtol=1e-4)
    # Distances are in the task's unit; the networks are shown goals as they see them.
    assert np.allclose(batch.achieved, probe_set.observations["achieved_goal"], atol=1e-4)
    assert batch.as_observed is not None
    seen = (probe_set.goals - statistics.mean) / np.sqrt(statistics.var + env.epsilon)
    np.testing.assert_allclose(batch.as_observed(batch.goals), seen, rtol=1e-3, atol=1e-4)


def test_states_from_replay_are_kept_as_the_environment_returned_them(tmp_path):
    agent = vector_agent(SAC, env=normalised_env(goal_shift=50.0))
    callback = ModalityDiagnostics(tmp_path / "run")
    agent.learn(200, callback=callback)
    assert callback.failures == {}
    own = RunProbeSet(None)
    assert own.batch(agent).observations["desired_goal"].abs().max() <= 10
    own.save(tmp_path / "states")
    assert load_probe_set(tmp_path / "states").observations["desired_goal"].max() > 45


def test_an_image_that_a_wrapper_normalises_is_named(tmp_path):
    agent = vector_agent(SAC, env=normalised_env(pixels=True))
    callback = ModalityDiagnostics(tmp_path / "run", probe_set=gather_probe_set(PointEnv(True)))
    agent.learn(40, callback=callback)
    assert callback.failures == {}
    notes = read_run(tmp_path / "run").notes
    assert any("critic: pixels of shape (1, 36, 36) reaches no encoder" in note for note in notes)


def test_given_images_that_would_be_scaled_twice_are_refused():
    probe_set = gather_probe_set(PointEnv(pixels=True))
    pixels = (probe_set.observations["pixels"] / 255).astype(np.float32)
    scaled = replace(probe_set, observations={**probe_set.observations, "pixels": pixels})
    with pytest.raises(ProbeSetError, match="scale it once more"):
        RunProbeSet(scaled).refuse_other_observations(PointEnv(pixels=True).observation_space)
