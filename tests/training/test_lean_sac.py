"""LeanSAC against stock SAC: the same seed, the same replay, the same updates."""

from typing import Any

import pytest
import torch
from helpers.lean import SHARED, UPDATES, assert_close, extractor, gather, of, update, weights
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import CombinedExtractor
from stable_baselines3.sac.policies import Actor, MultiInputPolicy
from torch import Tensor, nn

from goalscope.probes import view_networks
from goalscope.probes.blocks import GOAL_KEYS
from goalscope.training import NormalizedCombinedExtractor
from goalscope.training.agents.critic_encoder import CriticEncoderPolicy
from goalscope.training.agents.extractors import FusionExtractor
from goalscope.training.agents.lean_sac import LeanSAC

# Adam moves a weight by up to 3e-4 whatever the size of its gradient, and so magnifies rounding
# where a gradient is nearly nothing: float32 agents agree to a third of one step.
ROUNDING = 1e-4


class Doubled:
    """Reads its observations in float64, which SB3's preprocessing cuts to float32."""

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return super().forward({key: value.double() for key, value in observations.items()})


class Combined(Doubled, CombinedExtractor):
    pass


class Normalized(Doubled, NormalizedCombinedExtractor):
    pass


class Unrepeatable(Combined):
    """Draws a mask and keeps batch statistics: two runs on the same batch differ."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space)
        # A large epsilon, or features that hardly vary would magnify rounding.
        norm = nn.BatchNorm1d(self.features_dim, eps=1.0)
        self.noise = nn.Sequential(nn.Dropout(0.2), norm)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return self.noise(super().forward(observations))


class Standardised(FusionExtractor):
    """Holds constants in buffers, which no run of it writes to."""

    def __init__(self, observation_space: Any) -> None:
        constants = dict.fromkeys(GOAL_KEYS, ([0.0, 1.0], [2.0, 2.0]))
        super().__init__(observation_space, standardised=constants)


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "combined": ("MultiInputPolicy", extractor(Combined)),
    "normalized": ("MultiInputPolicy", extractor(Normalized)),
    "shared": ("MultiInputPolicy", extractor(Normalized, **SHARED)),
    "critic's encoder": (CriticEncoderPolicy, extractor(Normalized)),
    "fixed temperature, slower target": (
        "MultiInputPolicy",
        {"ent_coef": 0.1, "target_update_interval": 2, **extractor(Combined)},
    ),
    "unrepeatable": ("MultiInputPolicy", extractor(Unrepeatable)),
    "unrepeatable, shared": ("MultiInputPolicy", extractor(Unrepeatable, **SHARED)),
    "unrepeatable, critic's": (CriticEncoderPolicy, extractor(Unrepeatable)),
}
RARE = ("combined", "unrepeatable", "unrepeatable, critic's")


def in_double(agent: SAC) -> SAC:
    agent.policy.double()
    if agent.log_ent_coef is None:
        agent.ent_coef_tensor = agent.ent_coef_tensor.double()
    else:
        agent.log_ent_coef.data = agent.log_ent_coef.data.double()
    return agent


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.slow) if case in RARE else case for case in CASES],
)
def test_updates_are_stock_sacs_in_float64(make_agent, case):
    policy, settings = CASES[case]
    agents, generators = [], []
    for cls in (SAC, LeanSAC):
        agents.append(in_double(gather(make_agent(of(cls, policy), **settings))))
        update(agents[-1], calls=UPDATES // 4, gradient_steps=4)
        generators.append(torch.get_rng_state())
    assert [agent._n_updates for agent in agents] == [UPDATES, UPDATES]
    assert torch.equal(*generators)
    assert_close(*agents, rtol=0, atol=1e-10)


def test_updates_are_stock_sacs_in_float32_and_logged_alike(make_agent):
    agents, logged = [], []
    for cls in (SAC, LeanSAC):
        agent = gather(make_agent(cls))
        agent.set_logger(Logger(None, []))
        agents.append(update(agent, gradient_steps=2, calls=UPDATES // 2))
        logged.append(dict(agent.logger.name_to_value))
    assert_close(*agents, rtol=0, atol=ROUNDING)
    assert logged[0].keys() == logged[1].keys()
    assert {"train/critic_loss", "train/actor_loss", "train/ent_coef_loss"} < logged[1].keys()
    for name, value in logged[0].items():
        assert logged[1][name] == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_bits(make_agent, precision):
    one, other = (update(gather(make_agent(LeanSAC, precision=precision)), 5) for _ in range(2))
    assert_close(one, other, rtol=0, atol=0)


def test_a_shared_encoder_runs_twice_instead_of_four_times(make_agent):
    for cls, expected in ((SAC, 4), (LeanSAC, 2)):
        agent = gather(make_agent(cls, policy_kwargs=SHARED))
        runs: list[nn.Module] = []
        agent.actor.features_extractor.register_forward_hook(
            lambda m, *_, runs=runs: runs.append(m)
        )
        update(agent, 1)
        assert len(runs) == expected


def test_constants_do_not_make_a_shared_encoder_run_again(make_agent):
    agent = gather(make_agent(of(LeanSAC, CriticEncoderPolicy), **extractor(Standardised)))
    runs: list[nn.Module] = []
    agent.critic.features_extractor.register_forward_hook(lambda m, *_: runs.append(m))
    update(agent, 1)
    assert len(runs) == 3  # one is of the next observations


def test_no_update_waits_for_a_value(make_agent, monkeypatch):
    agent = gather(make_agent(LeanSAC))

    def refuse(_: Tensor) -> float:
        raise AssertionError("a value was transferred in an update")

    monkeypatch.setattr(Tensor, "item", refuse)
    update(agent, 2)


def test_bfloat16_rounds_the_encoding_alone(make_agent):
    full, rounded = (
        gather(make_agent(LeanSAC, precision=precision)) for precision in ("float32", "bfloat16")
    )
    seen: list[Tensor] = []
    for agent in (full, rounded):
        agent.actor.latent_pi[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        update(agent, 1)
    exact, approximate = seen[0].detach(), seen[2].detach()
    assert approximate.dtype == torch.float32
    blocks = {block.name: block.columns for block in view_networks(full.policy)["actor"].blocks}
    for name, columns in blocks.items():
        if name == "pixels":
            close = {"rtol": 0.05, "atol": 0.02 * float(exact[:, columns].abs().max())}
            torch.testing.assert_close(approximate[:, columns], exact[:, columns], **close)
            assert not torch.equal(approximate[:, columns], exact[:, columns])
        else:
            assert torch.equal(approximate[:, columns], exact[:, columns])
    assert {value.dtype for value in weights(rounded).values()} == {torch.float32}
    assert_close(full, rounded, rtol=0, atol=1e-3)


def continued(agent: SAC, replay: Any) -> SAC:
    agent.load_replay_buffer(replay, truncate_last_traj=False)
    agent.set_logger(Logger(None, []))
    return update(agent, 3)


def test_it_saves_and_loads_and_exchanges_files_with_stock_sac(make_agent, tmp_path):
    lean = update(gather(make_agent(LeanSAC)), 3)
    lean.save(tmp_path / "lean")
    lean.save_replay_buffer(tmp_path / "replay")
    again, stock = (cls.load(tmp_path / "lean", env=lean.get_env()) for cls in (LeanSAC, SAC))
    for agent in (again, stock):
        assert_close(lean, agent, rtol=0, atol=0)
    stock.save(tmp_path / "stock")
    back = LeanSAC.load(tmp_path / "stock", env=lean.get_env())
    update(lean, 3)
    assert_close(lean, continued(again, tmp_path / "replay"), rtol=0, atol=0)
    assert_close(lean, continued(stock, tmp_path / "replay"), rtol=0, atol=ROUNDING)
    assert_close(lean, continued(back, tmp_path / "replay"), rtol=0, atol=ROUNDING)


def test_the_precision_is_saved_and_can_be_chosen_on_loading(make_agent, tmp_path):
    agent = make_agent(LeanSAC, precision="bfloat16")
    agent.save(tmp_path / "agent")
    again = LeanSAC.load(tmp_path / "agent", env=agent.get_env())
    chosen = LeanSAC.load(tmp_path / "agent", env=agent.get_env(), precision="float32")
    assert (again.precision, chosen.precision) == ("bfloat16", "float32")


class OwnActor(Actor):
    def extract_features(self, obs: Any, features_extractor: Any) -> Tensor:
        return 2 * super().extract_features(obs, features_extractor)


class OwnPolicy(MultiInputPolicy):
    def make_actor(self, features_extractor: Any = None) -> Actor:
        return OwnActor(**self._update_features_extractor(self.actor_kwargs, features_extractor))


@pytest.mark.parametrize(
    ("policy", "settings", "message"),
    [
        ("MultiInputPolicy", {"precision": "float16"}, "use float32 or bfloat16"),
        ("MultiInputPolicy", {"use_sde": True}, "does not support use_sde"),
        (OwnPolicy, {}, "OwnActor overrides extract_features"),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(make_agent, policy, settings, message):
    with pytest.raises(ValueError, match=message) as raised:
        make_agent(of(LeanSAC, policy), **settings)
    assert "\n" not in str(raised.value)
