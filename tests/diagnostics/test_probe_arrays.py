"""Arrays of probes have the shapes that figures are drawn from, or are refused in one line."""

import numpy as np
import pytest
from helpers.synthetic_probes import arrays
from safetensors.numpy import save_file

from goalscope.diagnostics.record import Line, RecordError, read_arrays, write_probes


@pytest.fixture
def folder(tmp_path):
    write_probes(tmp_path, [Line(0, 0), Line(100, 50)], {0: arrays(), 100: arrays()})
    return tmp_path


def test_what_was_written_is_read_and_what_has_no_name_is_left_out(folder):
    save_file(arrays() | {"later": np.ones(3)}, folder / "probes/step-000000100.safetensors")
    found = read_arrays(folder)
    assert list(found) == [0, 100]
    assert found[0].keys() == found[100].keys() == arrays().keys()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("map.q", lambda q: q[:-1], "map.q has size 7 along state"),
        ("map.q", lambda q: q[0], "map.q is float64 with 1 dimensions"),
        ("map.goals", lambda goals: goals[:, :0], "size 0 along axis"),
        ("map.achieved", lambda places: places > 1, "map.achieved is bool"),
        ("drawn", lambda drawn: drawn + 8, "no numbers of states"),
        ("drawn", lambda drawn: drawn - 1, "no numbers of states"),
        ("drawn", lambda drawn: drawn * 1.0, "no numbers of states"),
        ("shown.pixels", lambda images: images[:, :, :4], "size 4 along pixels.height"),
        ("saliency.critic.pixels", lambda values: values[None], "with 4 dimensions"),
        ("truth.object", lambda places: np.ones((4, 5_000)), "size 5,000 along object.truth"),
    ],
)
def test_another_shape_is_refused(folder, name, change, says):
    path = folder / "probes/step-000000100.safetensors"
    changed = np.ascontiguousarray(change(arrays()[name]))
    save_file(arrays() | {name: changed}, path)
    with pytest.raises(RecordError, match=says) as caught:
        read_arrays(folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x02" + bytes(7) + b"{}" + bytes(9)])
def test_a_file_of_something_else_is_refused(folder, content):
    (folder / "probes/step-000000100.safetensors").write_bytes(content)
    with pytest.raises(RecordError, match="is damaged"):
        read_arrays(folder)


def test_what_a_damaged_file_says_is_told_in_a_line(folder):
    header = '{"a":{"dtype":"so(\u00ad\u0086","shape":[1],"data_offsets":[0,4]}}'.encode()
    path = folder / "probes/step-000000100.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(RecordError, match="unknown variant") as caught:
        read_arrays(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("step", ["x", "-00000001", "9" * 40])
def test_a_name_that_is_no_step_is_refused(folder, step):
    (folder / "probes/step-000000100.safetensors").rename(
        folder / f"probes/step-{step}.safetensors"
    )
    with pytest.raises(RecordError, match="is damaged"):
        read_arrays(folder)
