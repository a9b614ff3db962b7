"""What the tap sees of a real SAC + HER + image update, against plain autograd on that batch."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from conftest import POINT, REACH
from stable_baselines3 import SAC, TD3
from torch import Tensor, nn

from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates import tap as tap_module
from goalscope.diagnostics.updates.tap import Tap, TrackedUpdate
from goalscope.probes import view_networks
from goalscope.training import NormalizedCombinedExtractor

UPDATE = 3
EXTRACTORS: dict[str, dict[str, Any]] = {
    "combined": {},
    "normalized": {"features_extractor_class": NormalizedCombinedExtractor},
    "shared": {"share_features_extractor": True},
}
FETCH = pytest.param("combined", REACH, id="combined-fetch")


@dataclass
class Snapshot:
    """The agent just before the update, what it drew, and what hooks on the parameters saw."""

    model: Any = None
    generator: Tensor | None = None
    log_ent_coef: Tensor | None = None
    batch: Any = None
    hooked: list[list[Tensor]] = field(default_factory=lambda: [[], []])
    extractor: Any = None


def tracked_update(agent: SAC) -> tuple[TrackedUpdate, Snapshot]:
    """Train up to UPDATE with a tap on it."""
    updates: list[TrackedUpdate] = []
    failures: list[Exception] = []
    snapshot = Snapshot()
    real_train, real_sample = agent.train, agent.replay_buffer.sample

    def train(gradient_steps: int, batch_size: int) -> None:
        if agent._n_updates == UPDATE - 1:
            snapshot.model = copy.deepcopy(agent.policy)
            snapshot.log_ent_coef = agent.log_ent_coef.detach().clone()
            snapshot.generator = torch.get_rng_state()
            for net, seen in zip(agent.critic.q_networks, snapshot.hooked, strict=True):
                net[0].weight.register_hook(lambda g, seen=seen: seen.append(g.detach().clone()))
        real_train(gradient_steps, batch_size)

    def sample(*args: Any, **kwargs: Any) -> Any:
        snapshot.batch = real_sample(*args, **kwargs)
        return snapshot.batch

    agent.train, agent.replay_buffer.sample = train, sample
    tap = Tap(
        view_networks(agent.policy),
        start=0,
        wanted=lambda update: LOSSES if update == UPDATE else (),
        on_first=lambda: None,
        on_update=updates.append,
        on_failure=failures.append,
    )
    agent.learn(60 + UPDATE)
    tap.detach()
    assert not failures
    assert [update.update for update in updates] == [UPDATE]
    return updates[0], snapshot


def losses_by_hand(agent: SAC, before: Snapshot) -> dict[str, Any]:
    """Recompute SAC's two losses from the saved weights and the drawn batch, and differentiate.

    Haarnoja et al. 2018, as SB3 orders it: the actor's loss is taken after the critic's step.
    """
    policy, batch = before.model, before.batch
    torch.set_rng_state(before.generator)
    alpha = before.log_ent_coef.exp()
    features: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            if output.requires_grad:
                output.retain_grad()
                features[name] = output

        return hook

    actions, log_density = policy.actor.action_log_prob(batch.observations)
    handles = [policy.critic.features_extractor.register_forward_hook(keep("critic"))]
    with torch.no_grad():
        next_actions, next_density = policy.actor.action_log_prob(batch.next_observations)
        next_q = torch.cat(policy.critic_target(batch.next_observations, next_actions), dim=1)
        soft = next_q.min(dim=1, keepdim=True).values - alpha * next_density.reshape(-1, 1)
        target = batch.rewards + (1 - batch.dones) * agent.gamma * soft
    loss = 0.5 * sum(
        ((q - target) ** 2).mean() for q in policy.critic(batch.observations, batch.actions)
    )
    critic_parameters = [p for p in policy.critic.parameters()]
    wanted = [p for p in critic_parameters]
    grads = torch.autograd.grad(
        loss, wanted + ([features["critic"]] if "critic" in features else []), allow_unused=True
    )
    for handle in handles:
        handle.remove()
    result: dict[str, Any] = {
        "critic": dict(zip([n for n, _ in policy.critic.named_parameters()], grads, strict=False)),
        "critic_fusion": grads[len(wanted)] if "critic" in features else None,
    }
    # The critic after its step, as the agent's Adam left it.
    policy.critic.load_state_dict(agent.policy.critic.state_dict())
    if policy.share_features_extractor:  # the encoder has moved with the actor's step since
        policy.actor.features_extractor.load_state_dict(before.extractor)
    handle = policy.actor.features_extractor.register_forward_hook(keep("actor"))
    torch.set_rng_state(before.generator)
    actions, log_density = policy.actor.action_log_prob(batch.observations)
    handle.remove()
    q_values = torch.cat(policy.critic(batch.observations, actions), dim=1).min(dim=1).values
    loss = (alpha * log_density - q_values).mean()
    wanted = list(policy.actor.parameters())
    grads = torch.autograd.grad(loss, [*wanted, features["actor"]])
    result["actor"] = dict(
        zip([n for n, _ in policy.actor.named_parameters()], grads, strict=False)
    )
    result["actor_fusion"] = grads[-1]
    return result


@pytest.mark.parametrize(
    ("kind", "environment"), [*(pytest.param(k, POINT, id=k) for k in EXTRACTORS), FETCH]
)
def test_the_tap_sees_each_loss_alone_as_autograd_does(make_agent, kind, environment):
    agent = make_agent(environment=environment, policy_kwargs=EXTRACTORS[kind])
    tracked, before = tracked_update(agent)
    before.extractor = copy.deepcopy(before.model.actor.features_extractor.state_dict())
    old = copy.deepcopy(before.model)
    expected = losses_by_hand(agent, before)
    for loss, name in (("critic_loss", "critic"), ("actor_loss", "actor")):
        network = view_networks(agent.policy)[name]
        update = tracked.losses[loss]
        new_module, old_module = getattr(agent.policy, name), getattr(old, name)
        for consumer, got, was, now in zip(
            network.consumers,
            update.weight_gradients,
            update.weights,
            update.weights_after,
            strict=True,
        ):
            gradient = expected[name][f"{consumer.name}.weight"]
            torch.testing.assert_close(got, gradient, rtol=1e-4, atol=1e-7)
            assert torch.equal(was, old_module.get_submodule(consumer.name).weight)
            assert torch.equal(now, new_module.get_submodule(consumer.name).weight)
        if expected[f"{name}_fusion"] is not None:
            torch.testing.assert_close(
                update.fusion_gradients(network.features_dim),
                expected[f"{name}_fusion"],
                rtol=1e-4,
                atol=1e-8,
            )
        block = network.block("pixels")
        if kind == "shared" and name == "critic":
            # SB3 runs the shared encoder without gradient for the critic: absent, not zero.
            assert update.encoders == {}
            continue
        names = [f"features_extractor.{parameter}" for parameter in block.parameters]
        encoder = update.encoders["pixels"]
        gradient = torch.cat([expected[name][n].flatten() for n in names])
        torch.testing.assert_close(encoder.gradient, gradient, rtol=1e-3, atol=1e-7)
        was = torch.cat([old_module.get_parameter(n).flatten() for n in names])
        now = torch.cat([new_module.get_parameter(n).flatten() for n in names])
        torch.testing.assert_close(encoder.weight_norm, was.norm())
        torch.testing.assert_close(encoder.change_norm, (now - was).norm())

    # What a general-purpose logger sees: a hook on the parameter is called by both backward passes
    # and is left with the actor's; `.grad` afterwards holds their sum. Neither is the critic's.
    critic_gradient = torch.cat(list(tracked.losses["critic_loss"].weight_gradients))
    first, last = (torch.cat(seen) for seen in zip(*before.hooked, strict=True))
    torch.testing.assert_close(first, critic_gradient)
    left_over = torch.cat([net[0].weight.grad for net in agent.critic.q_networks])
    assert (last - critic_gradient).norm() > 0.1 * critic_gradient.norm()
    assert (left_over - critic_gradient).norm() > 0.1 * critic_gradient.norm()
    torch.testing.assert_close(left_over, first + last)


def test_the_forward_passes_are_those_of_the_batch(make_agent):
    agent = make_agent(policy_kwargs=EXTRACTORS["normalized"])
    tracked, before = tracked_update(agent)
    policy, batch = before.model, before.batch
    with torch.no_grad():
        for name, observations in (
            ("actor", batch.observations),
            ("critic", batch.observations),
            ("critic_target", batch.next_observations),
        ):
            module = getattr(policy, name)
            features = module.extract_features(observations, module.features_extractor)
            width = features.shape[1]
            seen = tracked.passes[name]
            torch.testing.assert_close(seen.inputs[:, :width], features)
            cnn = module.features_extractor.extractors["pixels"][0]
            raw = cnn(observations["pixels"].float() / 255)
            torch.testing.assert_close(seen.raw["pixels"], raw)
    assert torch.equal(tracked.passes["critic"].inputs[:, width:], batch.actions)


class BothReach(SAC):
    """A shared encoder that the critic's loss reaches, too."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self.critic.share_features_extractor = False


def test_the_cosine_on_an_encoder_that_both_losses_reach(make_agent):
    agent = make_agent(BothReach, policy_kwargs=EXTRACTORS["shared"])
    tracked, before = tracked_update(agent)
    before.extractor = copy.deepcopy(before.model.actor.features_extractor.state_dict())
    expected = losses_by_hand(agent, before)
    critic, actor = (
        torch.cat([g.flatten() for n, g in expected[name].items() if "features_extractor" in n])
        for name in ("critic", "actor")
    )
    by_hand = torch.cosine_similarity(critic, actor, dim=0)
    assert float(tracked.encoder_cosine) == pytest.approx(float(by_hand), abs=1e-4)
    apart = make_agent(policy_kwargs=EXTRACTORS["shared"])
    assert tracked_update(apart)[0].encoder_cosine is None


def test_a_failed_capture_costs_that_update_alone(make_agent, monkeypatch):
    agent = make_agent()
    seen: list[TrackedUpdate] = []
    failures: list[Exception] = []
    tap = Tap(
        view_networks(agent.policy), 0, lambda _: LOSSES, lambda: None, seen.append, failures.append
    )
    begin = tap_module.OpenStep.begin

    def sometimes(network: Any, reads: Any) -> Any:
        if tap.update == 2:
            raise RuntimeError("out of memory")
        return begin(network, reads)

    monkeypatch.setattr(tap_module.OpenStep, "begin", sometimes)
    agent.learn(65)
    tap.detach()
    assert [str(failure) for failure in failures] == ["out of memory"]
    assert tap.update == agent._n_updates == 5
    assert [update.update for update in seen] == [1, 3, 4, 5]
    for update in seen:  # no rows of the lost update among those of the others
        assert {len(loss.inputs) for loss in update.losses.values()} == {32}
        assert len(update.losses) == 2


def test_a_delayed_actor_is_absent_where_it_took_no_step(make_agent):
    agent = make_agent(TD3, policy_delay=2)
    seen: list[TrackedUpdate] = []
    failures: list[Exception] = []
    networks = view_networks(agent.policy)
    tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, seen.append, failures.append)
    agent.learn(66)
    tap.detach()
    assert not failures
    assert [update.update for update in seen] == list(range(1, 7))
    assert ["actor_loss" in update.losses for update in seen] == [False, True] * 3
    assert all("critic_loss" in update.losses for update in seen)
    assert bool(seen[1].losses["actor_loss"].fusion_gradients(262).isfinite().all())


def counted(agent: SAC, **tap: Any) -> list[Any]:
    """Return what the critic's optimiser remembers after each of five updates."""
    seen: list[TrackedUpdate] = []
    failures: list[Exception] = []
    settings = {"start": 0, "wanted": lambda _: LOSSES, "on_first": lambda: None, **tap}
    watch = Tap(
        view_networks(agent.policy), on_update=seen.append, on_failure=failures.append, **settings
    )
    agent.learn(65, reset_num_timesteps=True)
    watch.detach()
    assert not failures
    return [update.losses["critic_loss"].moments for update in seen]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.Adam, {"fused": True}),
        (torch.optim.Adam, {"foreach": True, "betas": (0.9, 0.99)}),
        (torch.optim.AdamW, {}),
        (torch.optim.RAdam, {}),
        (torch.optim.NAdam, {}),
    ],
)
def test_adam_and_its_kin_remember_each_step(make_agent, kind, options):
    agent = make_agent(policy_kwargs={"optimizer_class": kind, "optimizer_kwargs": options})
    moments = counted(agent)
    assert [float(one.counted) for one in moments] == [1, 2, 3, 4, 5]
    assert [one.taken for one in moments] == [1, 2, 3, 4, 5]
    assert moments[0].horizon == pytest.approx(100 if "betas" in options else 1_000)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad])
def test_what_has_no_moments_has_none_to_forget(make_agent, kind):
    assert counted(make_agent(policy_kwargs={"optimizer_class": kind})) == [None] * 5


def test_moments_that_are_thrown_away_are_missing_and_earlier_ones_count(make_agent):
    agent = make_agent()
    counted(agent)
    again = counted(agent)  # as an agent that is loaded, or goes on
    assert [(float(one.counted), one.taken) for one in again[:2]] == [(6, 1), (7, 2)]
    train = agent.train

    def train_and_forget(*args: Any, **kwargs: Any) -> None:
        train(*args, **kwargs)
        agent.critic.optimizer.state.clear()

    agent.train = train_and_forget
    assert [float(one.counted) for one in counted(agent)[1:]] == [1] * 4
