"""A run that was killed goes on with the same command, and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from helpers.command import goalscope
from safetensors.torch import load_file

from benchmarks.chaos.runs import BEGINS_ANEW
from goalscope.diagnostics.record import read_run
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.checkpoint.folder import list_checkpoints
from goalscope.training.runs.run import make_probe_set

pytestmark = pytest.mark.usefixtures("all_states")  # runs of other processes are compared with
FLAGS = (
    "--env PixelPoint-v0 --image-size 36 --total-steps 240 --learning-starts 150 --batch-size 16 "
    "--checkpoint-every 60 --evaluation.every 100 --evaluation.episodes 1 --threads 1 "
    "--every.sensitivity 50 --net-arch 16 --device cpu"
).split()
WAYS = {
    "as SB3 has it": ["pixel-her"],
    "fast, in memory": ["pixel-her-drq", "--fast", "--frames", "memory"],
    "with all that arms add": [
        "pixel-her-recipe~close-camera+action-penalty",
        *"--hindsight-goals episode --n-sampled-goal 2".split(),
    ],
    "with all that arms add, fast": ["pixel-her-recipe~close-camera", "--fast"],
    "with a frozen encoder, fast": ["pixel-her-recipe~close-camera+frozen-encoder", "--fast"],
    "asymmetric, fast": [
        "pixel-her+asymmetric-critic+vectors-std+inverse-dynamics+moved-half",
        "--fast",
    ],
    "fast, on disk, four environments": [
        "pixel-her-drq-norm+stack4+critic-encoder",
        *"--fast --frames disk --n-envs 4 --gradient-steps 2 --buffer-size 400".split(),
    ],
    "with all that arms add, fast, on disk, four environments": [
        "pixel-her-recipe~close-camera+stack4",
        *"--fast --frames disk --n-envs 4 --gradient-steps 2 --buffer-size 400".split(),
    ],
}
QUICK = "with all that arms add, fast, on disk, four environments"


@pytest.fixture(scope="module", autouse=True)
def probe_set(tmp_path_factory):
    """Gathered once: it takes longer than the runs."""
    path = tmp_path_factory.mktemp("probe") / "probe_set.safetensors"
    make_probe_set(EnvironmentSettings(id="PixelPoint-v0", image_size=36)).save(path)
    return path


def command(out, way, probe_set) -> list[str]:
    return [
        "train",
        *way,
        *FLAGS,
        "--out",
        str(out),
        # It holds single frames and goals alone; who observes more gathers their own.
        *([] if "asymmetric" in way[0] or "stack" in way[0] else ["--probe-set", str(probe_set)]),
    ]


def started(command: list[str], **options) -> subprocess.Popen:
    """Start the command in a process of its own, which can be killed."""
    python = [sys.executable, "-m", "goalscope.cli.main"]
    return subprocess.Popen([*python, *command], stderr=subprocess.PIPE, text=True, **options)


def done(command: list[str]) -> None:
    ended = goalscope(*command)
    assert ended.returncode == 0, ended.stderr


def kill_after_checkpoint(process, out, step):
    deadline = time.monotonic() + 600  # an encoder's warm-up takes minutes
    while not (out / "checkpoints" / f"step-{step:09d}" / "resume").is_dir():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(0.15)  # some way on
    process.kill()
    process.wait()


def final_state(out):
    last = list_checkpoints(out)[-1].folder
    values = json.loads((last / "resume/state.json").read_text())
    for info in values["recent_episodes"]:
        del info["t"]  # seconds since the process began
    for environment in values["environments"]:
        environment.pop("time", None)
    del values["callbacks"]
    return {
        **load_file(last / "policy.safetensors"),
        **load_file(last / "resume/state.safetensors"),
    }, values


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=[] if way == QUICK else [pytest.mark.slow]) for way in WAYS],
)
def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(way, tmp_path, probe_set):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done(command(whole, WAYS[way], probe_set))
    process = started(command(cut, WAYS[way], probe_set), stdout=subprocess.DEVNULL)
    kill_after_checkpoint(process, cut, 180)
    done(command(cut, WAYS[way], probe_set))
    (tensors, values), (others, other_values) = final_state(whole), final_state(cut)
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, others[name]), name
    assert values == other_values
    one, other = read_run(whole), read_run(cut)
    assert len(other.resumes) == 1
    assert not any(line.details["lost_buffer"] for line in other.resumes)
    assert one.end == other.end
    assert comparable(one) == comparable(other)


def comparable(run):
    """What the record says, but for what looks back at earlier steps, which begins anew."""
    return [
        (
            line.step,
            line.update,
            {k: v for k, v in line.values.items() if not any(part in k for part in BEGINS_ANEW)},
        )
        for line in run.measurements
    ]


def test_a_run_asked_to_stop_saves_itself_and_goes_on(tmp_path, probe_set):
    out = tmp_path / "run"
    asked = command(out, WAYS[QUICK], probe_set)
    process = started(asked, start_new_session=True)
    while not (out / "checkpoints" / "step-000000060").is_dir():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to every process
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped at step" in said
    assert "Traceback" not in said
    stopped_at = list_checkpoints(out)[-1].step
    assert 60 <= stopped_at < 240
    done(asked)
    run = read_run(out)
    assert run.end is not None
    assert [line.step for line in run.resumes] == [stopped_at]
