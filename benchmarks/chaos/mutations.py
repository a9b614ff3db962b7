"""Records changed into what no run writes: structure, types, numbers, names, bytes."""

import json
import struct
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import save

# JSON as it stands in a file, where no value of Python's comes out as it.
_RAW = {
    "@digits@": "9" * 5_000,
    "@long@": "1" + "0" * 400,
    "@nan@": "NaN",
    "@surrogate@": '"\\ud800"',
    "@deep@": "[" * 50_000 + "]" * 50_000,
    "@nested@": '{"a":' * 200 + "1" + "}" * 200,
    "@torn@": '"',
}
_TEXTS = (
    "",
    "x" * 5_000,
    "x" * 1_000_000,
    "{0.__class__.__mro__}",
    "{target} {} {0}",
    "%s%n%(x)d",
    "$\\frac{1$",
    "../../../outside",
    "/etc/passwd",
    "..",
    "a/b",
    "a/b.c.d.e",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "]]></style><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "\x00",
    "\x1b[2Jgone\r\n",
    "\u202eesrever",
    "é\U0001f600\u0301",
    "n" * 300,
    "NaN",
    "-Infinity",
    "goal",
    "pixels",
)
_NUMBERS = (
    *(0, 1, -1, 2, 7, 2**31, 2**53 + 1, 2**63, 10**12, 10**18, 10**30),
    *(0.5, -0.0, 1e-320, 1e300, -1e300, 1.8e308, 1e-7, 1e16),
)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": ""}, [1, "a"], {"a": {}})
HOSTILE = st.one_of(
    st.sampled_from(_TEXTS),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_OTHERS),
    st.sampled_from(sorted(_RAW)),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
JSON_FILES = ("run.json", "routing.json", "measurements.jsonl", "probes.jsonl", "study.json")
TOML = (
    'arms = "pixel-her"',
    "arms = [" + "[" * 5_000 + "]" * 5_000 + "]",
    "seeds = [1" + "0" * 5_000 + "]",
    "thresholds = 1",
    "thresholds.goal_share = nan",
    "thresholds.early_updates = 1e300",
    "thresholds.success_marks = []",
    "run = {env = 1979-05-27T07:32:00Z}",
    '"\\u0000" = 1',
    "x = {" + "a." * 3_000 + "b = 1}",
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """Return a file's content with one to three changes.

    Args:
        draw: of hypothesis.
        text: the file's content, JSON or a line of JSON each.
    """
    if draw(st.integers(0, 9)) == 0:
        return _torn(draw, text.encode())
    lines = text.splitlines() if "\n{" in text else [text]
    if len(lines) > 1 and draw(st.integers(0, 2)) == 0:
        return _everywhere(draw, lines)
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        try:
            content = json.loads(lines[number])
        except (ValueError, RecursionError):  # changed into no JSON before
            continue
        lines[number] = _written(_changed(draw, content))
        if draw(st.integers(0, 19)) == 0:
            lines.insert(draw(st.integers(0, len(lines))), lines[number])
    return "\n".join([*lines, ""]).encode(errors="surrogatepass")


def mutated_plan() -> st.SearchStrategy[bytes]:
    """Return a plan file with a few lines more, of which some do not belong there, or torn."""
    plan = 'arms = ["pixel-her", "pixel-her-norm"]\nseeds = [0, 1]\n'
    usable = st.one_of(
        st.floats(allow_nan=False, min_value=-0.1, max_value=1.1).map(
            "thresholds.goal_share = {}".format
        ),
        st.integers(-1, 10**7).map("thresholds.early_updates = {}".format),
        st.integers(-1, 20).map("adaptive = {}".format),
        st.integers(-1, 10**9).map("run.total_steps = {}".format),
        st.sampled_from(("FetchReach-v4", "FetchPush-v4", "", "..")).map('run.env = "{}"'.format),
    )
    more = st.lists(st.one_of(usable, usable, st.sampled_from(TOML)), min_size=1, max_size=3)
    lines = more.map(lambda found: (plan + "\n".join(found) + "\n").encode())
    alone = st.sampled_from(TOML).map(str.encode)
    return st.one_of(lines, lines, lines, alone, st.binary(max_size=60))


def probe_arrays() -> dict[str, np.ndarray]:
    """Return arrays such as probes keep of a checkpoint: 6 states, 12 goals, 3 states drawn."""
    generator = np.random.default_rng(0)
    goals = np.stack(np.meshgrid(np.arange(4.0), np.arange(3.0), indexing="ij"), axis=-1)
    achieved, drawn = generator.uniform(0, 3, (6, 2)), np.array([0, 2, 5])
    distance = np.linalg.norm(achieved[:, None] - goals.reshape(-1, 2), axis=2)
    return {
        "map.goals": goals.reshape(-1, 2).astype(np.float32),
        "map.q": -distance,
        "map.actions": generator.uniform(-1, 1, (6, 12, 2)),
        "map.achieved": achieved,
        "map.distance": distance,
        "drawn": drawn,
        "truth.gripper": achieved[drawn],
        "shown.pixels": generator.integers(0, 256, (3, 3, 8, 8)).astype(np.uint8),
        "saliency.critic.pixels": generator.random((3, 8, 8)),
        "saliency.actor.pixels": generator.random((3, 8, 8)),
    }


@st.composite
def mutated_arrays(draw: st.DrawFn, arrays: dict[str, np.ndarray]) -> bytes:
    """Return a file of safetensors with one to three arrays changed, or its header, or its bytes.

    Args:
        draw: of hypothesis.
        arrays: name -> array before.
    """
    arrays = dict(arrays)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(arrays)))
        array = np.atleast_1d(arrays.pop(name))
        changed = draw(st.sampled_from(sorted(_OF_ARRAYS))) if array.size else "equal"
        array = _OF_ARRAYS[changed](array)
        if changed != "gone":
            arrays[draw(st.sampled_from((name, name, name, *_TEXTS[4:])))] = array
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return _torn(draw, data)
    if kind > 2:
        return data
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = _written(_changed(draw, json.loads(data[8:end]))).encode(errors="surrogatepass")
    return struct.pack("<Q", len(header)) + header + data[end:]


_OF_ARRAYS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "gone": np.asarray,
    "empty": lambda array: array[:0],
    "fewer": lambda array: array[:-1],
    "more": lambda array: np.concatenate([array, array]),
    "flat": np.ravel,
    "turned": np.transpose,
    "narrow": lambda array: array[..., :1],
    "deeper": lambda array: array[None],
    "a number": lambda array: array.ravel()[0],
    "NaN": lambda array: np.full(array.shape, np.nan),
    "infinite": lambda array: np.where(array > 0, np.inf, array),
    "huge": lambda array: np.full(array.shape, 1.7e308),
    "tiny": lambda array: array * 5e-324,
    "negative": lambda array: -np.abs(array.astype(np.int64)) - 1,
    "equal": lambda array: np.zeros_like(array),
    "whole": lambda array: array.astype(np.int32),
    "large whole": lambda array: np.full(array.shape, 2**62),
    "half": lambda array: array.astype(np.float16),
    "boolean": lambda array: array > 0,
    "complex": lambda array: array.astype(np.complex64),
}


def _everywhere(draw: st.DrawFn, lines: Sequence[str]) -> bytes:
    """Return lines in which some names have an extreme number, or none, in each of them."""
    contents = [json.loads(line) for line in lines]
    names = sorted({name for content in contents for name in content})
    for _ in range(draw(st.integers(1, 4))):
        name, number = (
            draw(st.sampled_from(names)),
            draw(st.sampled_from((*_NUMBERS, "NaN", "gone"))),
        )
        for content in contents:
            if name in content and number == "gone":
                del content[name]
            elif name in content:
                content[name] = number
    return "".join(f"{_written(content)}\n" for content in contents).encode()


def _torn(draw: st.DrawFn, data: bytes) -> bytes:
    place = draw(st.integers(0, len(data)))
    rest = draw(st.integers(0, 40))
    return data[:place] + draw(st.binary(max_size=20)) + data[place + rest :]


def _changed(draw: st.DrawFn, content: Any) -> Any:
    """Return content with one place of it changed."""
    if not isinstance(content, dict | list) or not content or draw(st.integers(0, 11)) == 0:
        return draw(HOSTILE)
    places = list(content) if isinstance(content, dict) else list(range(len(content)))
    place = draw(st.sampled_from(places))
    kind = draw(st.sampled_from(("inside", "inside", "inside", "gone", "renamed", "other")))
    if kind == "inside":
        content[place] = _changed(draw, content[place])
    elif kind == "gone":
        del content[place]
    elif kind == "other":
        content[place] = draw(HOSTILE)
    elif isinstance(content, dict):
        name = draw(st.sampled_from(_TEXTS))
        head = str(place).rpartition("." if draw(st.booleans()) else "/")
        content[f"{head[0]}{head[1]}{name}"] = content.pop(place)
    return content


def _written(content: Any) -> str:
    text = json.dumps(content)
    for mark, raw in _RAW.items():
        text = text.replace(f'"{mark}"', raw)
    return text


def small_records(archive: Path, root: Path) -> list[Path]:
    """Unpack a study's records, cut down to a few lines and keys; return the runs' folders."""
    with tarfile.open(archive) as packed:
        packed.extractall(root, filter="data")
    runs = sorted(path.parent for path in root.glob("*/run.json"))
    for run in runs:
        lines = list(map(json.loads, (run / "measurements.jsonl").read_text().splitlines()))
        kept = [_few_keys(line) for line in (*lines[:10], *lines[40:43], *lines[-8:])]
        text = "".join(f"{json.dumps(line)}\n" for line in kept)
        (run / "measurements.jsonl").write_text(text)
        probed = next(line for line in kept if line["update"] > 0)
        (run / "probes.jsonl").write_text(f"{json.dumps(probed)}\n")
    return runs


def _few_keys(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line with every ninth metric, and all that evaluations and actors write."""
    named = (name for name in line if "/" in name)
    kept = {n for i, n in enumerate(sorted(named)) if i % 9 == 0 or n.startswith("evaluation/")}
    return {name: value for name, value in line.items() if "/" not in name or name in kept}
