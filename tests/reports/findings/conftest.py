"""Runs in which nothing is wrong."""

from dataclasses import replace

import pytest
from helpers.diagnosed import LONG, made
from helpers.planted import HEALTHY, with_metrics
from helpers.synthetic_runs import BASELINE, FIX


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return with_metrics(made(tmp_path_factory.mktemp("short"), BASELINE), HEALTHY)


@pytest.fixture(scope="module")
def normalised(tmp_path_factory):
    return with_metrics(made(tmp_path_factory.mktemp("normalised"), FIX), HEALTHY)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    flat = replace(BASELINE, updates=2_400, success=(0.05, 0.05, 0.05), episodes=100)
    return with_metrics(made(tmp_path_factory.mktemp("failing"), flat), HEALTHY, LONG)


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    up = replace(BASELINE, updates=2_400, success=(0.05, 0.5, 0.9), episodes=100)
    return with_metrics(made(tmp_path_factory.mktemp("learning"), up), HEALTHY, LONG)
