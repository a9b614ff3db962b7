"""Leaving every shared random generator, and every module's mode, as it was found."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def isolated_generators(seed: int, torch_seed: int | None = None) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators inside, and put their states back after.

    SB3's buffers draw from numpy's global generator and its policies from torch's; a measurement
    that calls them must not shift what training draws next.

    Args:
        seed: seed of every generator inside the block.
        torch_seed: of torch's generators, where theirs is another.
    """
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002  (it is the global state that is at stake)
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            # not torch.manual_seed: it would queue a seed for a CUDA device not yet in use
            torch_seed = seed if torch_seed is None else torch_seed
            torch.default_generator.manual_seed(torch_seed)
            if devices:
                torch.cuda.manual_seed_all(torch_seed)
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Switch a module to evaluation mode inside, and every submodule back to its own mode after."""
    with _in_mode(module, training=False):
        yield


@contextmanager
def training_mode(module: nn.Module) -> Iterator[None]:
    """Switch a module to training mode inside, and every submodule back to its own mode after."""
    with _in_mode(module, training=True):
        yield


@contextmanager
def _in_mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, before in modes:
            part.training = before
