"""Where in the image Q and the policy look."""

import torch
from torch import Tensor

from goalscope.probes.isolation import evaluation_mode
from goalscope.probes.networks import Network
from goalscope.probes.swaps import GoalBatch


def image_saliency(
    actor: Network, critic: Network, batch: GoalBatch, rows: slice | Tensor
) -> dict[str, Tensor]:
    """Return how strongly each pixel moves Q and the deterministic action.

    The magnitude of the gradient with respect to the image in [0, 1], largest over the channels:
    abs(dQ/dx), and for the action the norm over its components of dmu/dx. It passes the network's
    own features extractor; no parameter's `.grad` is touched.

    Source: Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks: visualising image
    classification models and saliency maps", 2013.

    Args:
        actor: the actor.
        critic: the critic; Q is the smallest of its Q-values, of the batch's actions.
        batch: where to measure.
        rows: which observations, R of them: a slice, or int64 (R,).

    Returns:
        "<network>.<image key>" -> float (R, H, W), >= 0, in return (action) units per unit of
        intensity; 0 where no gradient reaches the image, as behind a detached encoder. A network
        that reads no image has none.
    """
    observations = {key: value[rows] for key, value in batch.observations.items()}
    results = {}
    for network in (actor, critic):
        for key in network.image_keys:
            image = (observations[key].float() / 255).requires_grad_()
            with torch.enable_grad(), evaluation_mode(network.module):
                # SB3 divides whatever has an image's key by 255 again.
                features = network.fused_features({**observations, key: image * 255})
                if network is actor:
                    outputs = network.mean_actions(features)
                else:
                    outputs = network.q_values(features, batch.actions[rows])[:, None]
                slopes = [
                    torch.autograd.grad(
                        output.sum(), image, retain_graph=True, materialize_grads=True
                    )[0]
                    for output in outputs.unbind(dim=1)
                ]
            # SB3 hands images over with their channels first.
            results[f"{network.name}.{key}"] = torch.stack(slopes).norm(dim=0).amax(dim=1)
    return results
