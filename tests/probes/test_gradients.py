"""Gradient balance against autograd, naive loops, and a net worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from goalscope.diagnostics.instruments.gradient_balance import GradientWindow
from goalscope.probes import (
    EncoderUpdate,
    LossUpdate,
    Moments,
    direction_consistency,
    gradient_balance,
    optimiser_state,
    step_directions,
)

COLUMNS = {
    "achieved_goal": torch.tensor([0, 1]),
    "desired_goal": torch.tensor([2]),
    "pixels": torch.tensor([3, 4, 5, 6]),
    "goal": torch.tensor([0, 1, 2]),
    "action": torch.tensor([7, 8]),
}
FEATURES = 7


def an_update(seed: int = 0, batch: int = 12, rate: float = 0.1) -> tuple[LossUpdate, torch.Tensor]:
    """Return an update of two little critics by plain autograd and SGD, and dL/dz."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(batch, FEATURES, generator=generator, requires_grad=True)
    inputs = torch.cat([z, torch.randn(batch, 2, generator=generator)], dim=1)
    layers = [nn.Linear(9, 5) for _ in range(2)]
    heads = [torch.randn(5, generator=generator) for _ in layers]
    outputs = [layer(inputs) for layer in layers]
    for output in outputs:
        output.retain_grad()
    target = torch.randn(batch, generator=generator)
    loss = sum(
        ((torch.relu(o) @ head - target) ** 2).mean()
        for o, head in zip(outputs, heads, strict=True)
    )
    loss.backward()
    before = [layer.weight.detach().clone() for layer in layers]
    gradients = [layer.weight.grad.clone() for layer in layers]
    after = [w - rate * g for w, g in zip(before, gradients, strict=True)]
    deltas = [output.grad for output in outputs]
    encoder = EncoderUpdate(torch.tensor([3.0, 4.0]), torch.tensor(2.0), torch.tensor(0.5))
    update = LossUpdate(inputs.detach(), deltas, before, gradients, after, {"pixels": encoder})
    return update, z.grad


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_at_the_fusion_is_autograds(seed):
    update, gradient = an_update(seed)
    torch.testing.assert_close(update.fusion_gradients(FEATURES), gradient)


@pytest.mark.parametrize("seed", range(3))
def test_every_number_equals_naive_loops(seed):
    update, gradient = an_update(seed)
    balance = gradient_balance(update, COLUMNS, FEATURES)
    z = update.inputs[:, :FEATURES].numpy()
    g = gradient.numpy()
    batch = len(g)
    weights = np.concatenate([w.numpy() for w in update.weights])
    weight_gradients = np.concatenate([w.numpy() for w in update.weight_gradients])
    changes = np.concatenate([w.numpy() for w in update.weights_after]) - weights
    moved = {}
    for block, index in COLUMNS.items():
        columns = index.tolist()
        got = {k.split(".")[1]: v.item() for k, v in balance.items() if k.startswith(f"{block}.")}
        norm = np.sqrt((weight_gradients[:, columns] ** 2).sum())
        assert got["weight_gradient"] == pytest.approx(norm, rel=1e-4)
        ratio = np.linalg.norm(changes[:, columns]) / np.linalg.norm(weights[:, columns])
        assert got["update_ratio"] == pytest.approx(ratio, rel=1e-4)
        x = update.inputs[:, columns].numpy()
        heard = [((row - x.mean(axis=0)) * changes[:, columns]).sum(axis=1) for row in x]
        effect = np.sqrt(np.mean([(h**2).sum() for h in heard]))
        assert got["update_effect"] == pytest.approx(effect, rel=1e-4)
        if block == "action":
            assert set(got) == {"weight_gradient", "update_ratio", "update_effect"}
            continue
        assert got["weight_gradient_share"] == pytest.approx(
            norm**2 / (weight_gradients[:, :FEATURES] ** 2).sum(), rel=1e-4
        )
        # A mean loss: sample i's own gradient is B times row i.
        own = [np.linalg.norm(batch * g[i, columns]) for i in range(batch)]
        rms = np.sqrt(np.mean(np.square(own)))
        assert got["fusion_gradient"] == pytest.approx(rms, rel=1e-4)
        assert got["fusion_gradient_per_unit"] == pytest.approx(rms / len(columns) ** 0.5, rel=1e-4)
        assert got["fusion_gradient_share"] == pytest.approx(
            (g[:, columns] ** 2).sum() / (g**2).sum(), rel=1e-4
        )
        per_sample = [
            sum(batch * abs(g[i, u]) * np.std(z[:, u]) for u in columns) for i in range(batch)
        ]
        moved[block] = np.sqrt(np.mean(np.square(per_sample)))
        assert got["signal_gradient"] == pytest.approx(moved[block], rel=1e-4)
    keys = moved["pixels"] + moved["achieved_goal"] + moved["desired_goal"]
    share = balance["pixels.signal_gradient_share"].item()
    assert share == pytest.approx(moved["pixels"] / keys, rel=1e-4)
    goal_share = balance["goal.signal_gradient_share"].item()
    assert goal_share == pytest.approx(moved["goal"] / (moved["goal"] + moved["pixels"]), rel=1e-4)


def test_an_encoder_worked_out_by_hand():
    balance = gradient_balance(an_update()[0], COLUMNS, FEATURES)
    assert balance["pixels.encoder_gradient"] == pytest.approx(5)
    assert balance["pixels.encoder_update_ratio"] == pytest.approx(0.25)


def test_a_linear_net_worked_out_by_hand():
    # L = mean over 2 samples of (3 z0 + z1): dL/dz = (1.5, 0.5) in each row.
    inputs = torch.tensor([[1.0, 0.0], [-1.0, 4.0]])
    delta = torch.full((2, 1), 0.5)
    weight = torch.tensor([[3.0, 1.0]])
    gradient = delta.T @ inputs
    update = LossUpdate(inputs, [delta], [weight], [gradient], [weight - 1.0])
    columns = {"pixels": torch.tensor([0]), "desired_goal": torch.tensor([1])}
    balance = gradient_balance(update, columns, 2)
    assert balance["pixels.fusion_gradient"] == pytest.approx(3)  # each sample's own slope
    assert balance["desired_goal.fusion_gradient"] == pytest.approx(1)
    assert balance["pixels.fusion_gradient_share"] == pytest.approx(0.9)
    # Pixels vary by 1, the goal by 2: 3 x 1 against 1 x 2.
    assert balance["pixels.signal_gradient_share"] == pytest.approx(0.6)
    assert balance["pixels.weight_gradient"] == pytest.approx(0)  # samples cancel
    assert balance["desired_goal.update_ratio"] == pytest.approx(1)
    assert balance["desired_goal.update_effect"] == pytest.approx(2)


def test_the_scale_does_not_depend_on_the_batch_size():
    update, _ = an_update(batch=12)
    twice = LossUpdate(
        update.inputs.repeat(2, 1),
        [delta.repeat(2, 1) / 2 for delta in update.output_gradients],
        update.weights,
        update.weight_gradients,
        update.weights_after,
    )
    once = gradient_balance(update, COLUMNS, FEATURES)
    for key, value in gradient_balance(twice, COLUMNS, FEATURES).items():
        torch.testing.assert_close(value, once[key], msg=key)


def consistency_of(gradients: list[torch.Tensor]) -> float:
    """Return the definition, gradient by gradient."""
    mean = sum(gradients) / len(gradients)
    return (mean.norm() ** 2 / (sum(g.norm() ** 2 for g in gradients) / len(gradients))).item()


def test_direction_consistency_of_known_windows():
    same = torch.tensor([1.0, 2.0]).repeat(5, 1)
    assert direction_consistency(same) == pytest.approx(1)
    assert direction_consistency(torch.eye(4)) == pytest.approx(1 / 4)
    assert direction_consistency(torch.tensor([[1.0], [-1.0]])) == pytest.approx(0)


def test_direction_consistency_of_noise_is_one_over_n():
    noise = torch.randn(10, 20_000, generator=torch.Generator().manual_seed(0))
    assert direction_consistency(noise) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(("size", "tolerance"), [(1000, 1e-5), (900_000, 0.01)])
def test_the_sliding_window_equals_its_definition(size, tolerance):
    generator = torch.Generator().manual_seed(0)
    window, seen = GradientWindow(4), []
    drift = torch.randn(size, generator=generator)
    for update in range(10):
        scale = 10.0 ** (-update / 3)
        seen.append(scale * (drift + torch.randn(size, generator=generator)))
        window.append(seen[-1])
        assert len(window) == min(4, update + 1)
        # A large gradient is thinned: the same ratio but for sampling.
        assert window.consistency().item() == pytest.approx(
            consistency_of(seen[-4:]), abs=tolerance
        )


def turned(update: LossUpdate, **changes) -> dict[str, float]:
    return {name: float(v) for name, v in step_directions(replace(update, **changes)).items()}


def test_plain_descent_follows_its_own_gradient_downhill():
    update, _ = an_update()
    assert turned(update) == pytest.approx({"own_gradient": 1, "downhill": 1}, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 0.01, 100.0])
def test_a_gradient_that_is_scaled_or_clipped_as_a_whole_is_its_own(scale):
    update, _ = an_update()
    scaled = [scale * gradient for gradient in update.weight_gradients]
    assert turned(update, weight_gradients=scaled)["own_gradient"] == pytest.approx(1, abs=1e-6)


def test_gradients_of_other_updates_are_found():
    update, left = an_update(), [an_update(seed)[0].weight_gradients for seed in range(1, 9)]
    added = [sum(gradients) for gradients in zip(update[0].weight_gradients, *left, strict=True)]
    assert turned(update[0], weight_gradients=added)["own_gradient"] < 0.5


def test_steps_uphill_are_found_and_cosines_equal_a_loop():
    update, _ = an_update()
    after = [2 * w - a for w, a in zip(update.weights, update.weights_after, strict=True)]
    assert turned(update, weights_after=after)["downhill"] == pytest.approx(-1, abs=1e-6)
    noisy = [w + torch.randn(w.shape, generator=torch.Generator().manual_seed(3)) for w in after]
    given = np.concatenate([g.numpy().ravel() for g in update.weight_gradients])
    step = np.concatenate(
        [(n - w).numpy().ravel() for n, w in zip(noisy, update.weights, strict=True)]
    )
    cosine = -(given * step).sum() / np.sqrt((given**2).sum() * (step**2).sum())
    assert turned(update, weights_after=noisy)["downhill"] == pytest.approx(cosine, rel=1e-4)


def test_what_is_zero_has_no_direction():
    update, _ = an_update()
    assert set(turned(update, weights_after=update.weights)) == {"own_gradient"}
    still = [torch.zeros_like(gradient) for gradient in update.weight_gradients]
    assert turned(update, weight_gradients=still) == {}
    assert step_directions(replace(update, weights=[], output_gradients=[])) == {}


@pytest.mark.parametrize(
    ("counted", "taken", "kept"),
    [(50, 50, 1), (900, 50, 1), (1, 1, 1), (1, 50, 0.02), (1, 9_000, 0.001), (5_000, 90_000, 1)],
)
def test_moments_hold_what_they_could_or_less(counted, taken, kept):
    moments = Moments(torch.tensor(float(counted)), taken, 1_000.0)
    found = optimiser_state(replace(an_update()[0], moments=moments))
    assert float(found["moments_kept"]) == pytest.approx(kept)


def test_weights_that_bfloat16_holds_are_counted_as_a_loop_does():
    (update, _), generator = an_update(), torch.Generator().manual_seed(5)
    mixed = torch.randn(40, 50, generator=generator)
    mixed[:10] = mixed[:10].bfloat16().float()
    mixed[10], mixed[11] = 0.0, 0.5  # where biases and normalisations start
    held = told = 0
    for weight in mixed.flatten().tolist():
        power = weight == 0 or abs(np.frexp(weight)[0]) == 0.5
        told += not power
        held += not power and float(torch.tensor(weight).bfloat16()) == weight
    found = optimiser_state(replace(update, weights=[mixed[:20], mixed[20:]]))
    assert set(found) == {"bfloat16_fraction"}
    assert float(found["bfloat16_fraction"]) == pytest.approx(held / told)
    assert 0.2 < held / told < 0.3


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [(torch.bfloat16, 1, 1), (torch.float16, 0, 0.3), (torch.float32, 0, 1e-3)],
)
def test_only_bfloat16_is_taken_for_it(kind, least, most):
    weight = torch.randn(200, 200, generator=torch.Generator().manual_seed(0)).to(kind)
    found = optimiser_state(replace(an_update()[0], weights=[weight]))["bfloat16_fraction"]
    assert least <= float(found) <= most


def test_weights_that_are_all_constants_tell_nothing():
    update = an_update()[0]
    assert optimiser_state(replace(update, weights=[torch.ones(3, 3), torch.zeros(2, 3)])) == {}
    assert optimiser_state(replace(update, weights=[])) == {}
