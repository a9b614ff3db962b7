"""Tables of a run's metrics: what stands in their cells."""

import math

import numpy as np

from goalscope.diagnostics.record import Line, RecordWriter, RunInfo
from goalscope.reports.numbers.runs import load_run
from goalscope.reports.numbers.tables import number, write_family_tables

SPREAD, NORM = "features/critic.pixels.spread", "features/critic.pixels.norm"


def test_cells_are_empty_rounded_or_words(tmp_path):
    writer = RecordWriter(tmp_path / "run", RunInfo())
    writer.write(Line(8, 1, {SPREAD: 0.123456789, "training/critic.loss": 3.0}))
    writer.write(Line(16, 2, {NORM: math.inf}))
    writer.write(Line(24, 3, {SPREAD: math.nan, NORM: -math.inf}))
    writer.close()
    features, training = write_family_tables(load_run(tmp_path / "run"), tmp_path)
    assert features.read_text().split() == [
        "step,update,critic.pixels.spread,critic.pixels.norm",
        "8,1,0.1234568,",
        "16,2,,Infinity",
        "24,3,NaN,-Infinity",
    ]
    assert training.read_text().split() == ["step,update,critic.loss", "8,1,3.0"]


def test_numbers_are_those_of_seven_digits(tmp_path):
    generator = np.random.default_rng(0)
    values = generator.uniform(-9.99, 9.99, 5_000) * 10.0 ** generator.integers(-12, 21, 5_000)
    values = [0.0, -0.0, 1.0, 9.99999999, 12345678.0, *values.tolist()]
    writer = RecordWriter(tmp_path / "run", RunInfo())
    for update, value in enumerate(values):  # more lines than are written at a time
        writer.write(Line(update, update, {SPREAD: value}))
    writer.close()
    (path,) = write_family_tables(load_run(tmp_path / "run"), tmp_path)
    _, *rows = path.read_text().split()
    assert [float(row.split(",")[2]) for row in rows] == [float(number(v)) for v in values]
