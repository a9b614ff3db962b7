"""Part of the matrix: every two of its factors' values meet in an agent that is really trained."""

import pytest
import torch

from benchmarks.matrix import checking
from benchmarks.matrix.__main__ import refusal
from benchmarks.matrix.agents import Cell, every_cell, make_agent, pairwise
from benchmarks.matrix.checking import outcome_of
from goalscope.diagnostics.record.keys import LOSSES
from goalscope.diagnostics.updates.tap import Tap
from goalscope.probes import LossUpdate, view_networks

# Half of the pairs of algorithm and wrapper are left to the script: they would take minutes.
FEW = [cell for number, cell in enumerate(pairwise()) if number % 2 == 0]


@pytest.fixture(autouse=True)
def few_steps(monkeypatch) -> None:
    """Trains for fewer steps than the script, with more updates than are all measured."""
    monkeypatch.setattr(checking, "STEPS", 30)


@pytest.mark.parametrize("cell", FEW, ids=str)
def test_gradients_are_autograds_and_watching_changes_nothing(cell):
    outcome = outcome_of(cell)
    assert outcome.wrong == []
    assert "sensitivity" in outcome.families


def test_the_script_tries_every_combination():
    cells = every_cell()
    assert len(cells) == len(set(cells)) == 180
    assert Cell("DQN", shared=True, goal=True, wrapper="plain") not in cells


@pytest.mark.parametrize(
    ("name", "words"), [("TRPO", "conjugate gradients"), ("CrossQ", "needs a Dict observation")]
)
def test_what_cannot_be_watched_is_refused_with_the_reason(name, words):
    said = refusal(name)
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize("wrong", [1.001, float("nan")])
@pytest.mark.parametrize(("algorithm", "shared"), [("SAC", False), ("PPO", True)])
def test_a_gradient_that_is_off_is_told(monkeypatch, algorithm, shared, wrong):
    real = LossUpdate.fusion_gradients
    monkeypatch.setattr(LossUpdate, "fusion_gradients", lambda self, d: wrong * real(self, d))
    outcome = outcome_of(Cell(algorithm, shared, goal=True, wrapper="plain"))
    assert any(words.startswith("off by") for words in outcome.wrong)


@pytest.mark.parametrize("shared", [False, True])
def test_policy_and_value_are_apart_as_differentiated_one_by_one(shared):
    agent = make_agent(Cell("PPO", shared, goal=True, wrapper="plain"))
    networks = view_networks(agent.policy)
    passes, batches, true, seen, failures = [], [], [], [], []
    for extractor in dict.fromkeys(n.extractor for n in networks.values()):
        extractor.register_forward_hook(lambda _, __, z: passes.append(z))
    evaluate, get = agent.policy.evaluate_actions, agent.rollout_buffer.get

    def kept(size):
        for batch in get(size):
            batches.append(batch)
            yield batch

    def evaluated(observations, actions):
        values, log_density, entropy = found = evaluate(observations, actions)
        batch = batches[-1]
        gains = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
        ratio, clip = (log_density - batch.old_log_prob).exp(), agent.clip_range(1)
        surrogate = torch.min(gains * ratio, gains * ratio.clamp(1 - clip, 1 + clip))
        losses = {
            "actor_loss": -surrogate.mean() - agent.ent_coef * entropy.mean(),
            "critic_loss": agent.vf_coef * (batch.returns - values.flatten()).square().mean(),
        }
        z = dict(zip(losses, [passes[-1]] * 2 if shared else passes[-2:], strict=True))
        true.append(
            {n: torch.autograd.grad(v, z[n], retain_graph=True)[0] for n, v in losses.items()}
        )
        return found

    agent.rollout_buffer.get, agent.policy.evaluate_actions = kept, evaluated
    # The gradients by hand run the tap's hooks, too; the real backward pass comes after them.
    tap = Tap(networks, 0, lambda _: LOSSES, lambda: None, seen.append, failures.append)
    agent.learn(24)
    tap.detach()
    assert failures == []
    assert len(seen) == len(true) == 4
    for update, by_hand in zip(seen, true, strict=True):
        for loss, gradient in by_hand.items():
            assert bool(gradient.any())
            found = update.losses[loss].fusion_gradients(gradient.shape[1])
            torch.testing.assert_close(found, gradient, rtol=1e-4, atol=1e-8)
