"""Numbers out of range: one line, exit code 2, and nothing left behind."""

import pytest
from helpers.command import TINY, goalscope, refused

TRAIN = ["train", "pixel-her", *TINY]
STUDY = ["study", "pixel-her", *TINY, "--seeds", "0"]
RUNS = [
    "--lr -1", "--lr 0", "--lr nan", "--lr inf", "--cnn-dim 0", "--total-steps 0", "--n-envs 0",
    "--gradient-steps 0", "--batch-size -3", "--buffer-size 0", "--buffer-size -5",
    "--learning-starts -1", "--gamma 0", "--gamma 1.1", "--gamma nan", "--tau -0.1", "--tau 2",
    "--ent-coef -1", "--ent-coef auto_0", "--ent-coef lots", "--net-arch 0", "--net-arch 64 -1",
    "--every.features 0", "--every.gradients -1", "--every.sensitivity 0", "--evaluation.every -1",
    "--evaluation.episodes 0", "--checkpoint-every 0", "--threads 0", "--frame-stack 0",
    "--image-size 8", "--image-size -1",
]  # fmt: skip


SAID_OF = {"--image-size": "image", "--frame-stack": "stack"}  # by the environment, in its words


@pytest.mark.parametrize("given", RUNS)
@pytest.mark.parametrize("command", [TRAIN, STUDY], ids=["train", "study"])
def test_of_a_run(command, given, tmp_path):
    done = goalscope(*command, *given.split(), "--out", tmp_path / "new")
    name = given.partition(" ")[0]
    refused(done, SAID_OF.get(name, name))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_seeds(seed, tmp_path):
    refused(goalscope(*TRAIN, "--seed", seed, "--out", tmp_path / "new"), "--seed")
    refused(goalscope(*STUDY, "--seeds", seed, "--out", tmp_path / "new"), "--seed")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("study pixel-her --seeds 0 --parallel 0", "--parallel"),
        ("study pixel-her --seeds 0 --parallel -2", "--parallel"),
        ("study pixel-her --seeds 0 0", "twice"),
        ("study pixel-her pixel-her --seeds 0", "twice"),
        ("demo --seeds 0", "--seeds"),
        ("demo --reach-steps -1", "--reach-steps"),
        ("demo --updates -5", "--total-steps"),
        ("demo --batch-size 0", "--batch-size"),
    ],
)
def test_of_studies(given, says, tmp_path):
    refused(goalscope(*given.split(), "--out", tmp_path / "new"), says)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [("--n-envs 0", "--n-envs"), ("--buffer-size 0", "--buffer-size"), ("--image-size 1", "image")],
)
def test_of_the_doctor(given, says):
    refused(goalscope("doctor", "--arm", "pixel-her", *given.split()), says)


def test_of_probes(tmp_path):
    refused(goalscope("probe", tmp_path, "--parallel", "0"), "--parallel")
