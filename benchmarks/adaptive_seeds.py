"""How often adaptive seeds settle what is not there, and how many seeds they save.

Simulated studies that never touch a file: the final success of each seed is drawn, and goes through
the test that `goalscope study --adaptive` asks after each group of seeds. The error rate is
promised wherever a baseline's seeds and an arm's are drawn alike; an arm that scatters more than
the baseline, and seeds of an arm that share a deviation, are reported beside, to show what that is
worth. Run with `python -m benchmarks.adaptive_seeds`; writes docs/results/adaptive/seeds.md and its
rows as CSV.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray

from benchmarks.verdict_power import draw, publish
from goalscope.reports.statistics.sequential import Look, groups_of, sequential_looks
from goalscope.underway.adaptive import ERROR_RATE

PROMISED = ("normal", "t3", "outlier", "skewed", "rates", "same seed")
KINDS = (*PROMISED, "wide", "shared")
EPISODES = 20  # of an evaluation, for rates


@dataclass(frozen=True)
class Design:
    """A study that adds seeds in groups.

    Attributes:
        arms: beside the baseline.
        seeds: planned of each arm.
        group: seeds between two looks.
    """

    arms: int
    seeds: int
    group: int


DESIGNS = (
    Design(1, 5, 4),
    Design(1, 9, 3),
    Design(1, 10, 5),
    Design(1, 20, 5),
    Design(3, 9, 3),
    Design(3, 10, 5),
)


def outcomes(
    generator: np.random.Generator, kind: str, design: Design, effect: float = 0.0
) -> NDArray[np.float64]:
    """Return the final success of every seed, in standard deviations.

    Kinds beside those of `verdict_power.draw`: "rates" are of 20 episodes, of seeds of which half
    learn and half do not, so that many are equal; of the "same seed" two arms have a correlation of
    0.3; "wide" arms scatter three times as much as the baseline.

    Returns:
        (1 + arms, seeds): the baseline first; every other arm lies `effect` above it.
    """
    shape = design.arms + 1, design.seeds
    if kind == "rates":
        learnt = generator.random(shape) < 0.5
        found = generator.binomial(EPISODES, np.where(learnt, 0.9, 0.05)) / EPISODES
    else:
        known = kind if kind not in ("same seed", "wide") else "normal"
        found = np.stack([draw(generator, known, design.seeds) for _ in range(shape[0])])
    if kind == "same seed":
        found = np.sqrt(0.7) * found + np.sqrt(0.3) * generator.normal(size=design.seeds)
    if kind == "wide":
        found[1:] *= 3
    found[1:] += effect
    return found


def last_looks(found: NDArray[np.float64], design: Design, size: int) -> list[Look]:
    """Return how each arm of a study ends where it is looked at after so many seeds."""
    planned = groups_of(design.seeds, size)
    cuts = np.cumsum(planned)[:-1]
    baseline, *others = ([part.tolist() for part in np.split(arm, cuts)] for arm in found)
    level = ERROR_RATE / design.arms
    return [sequential_looks(baseline, other, planned, level)[-1] for other in others]


def rates(design: Design, kind: str, effect: float = 0.0, studies: int = 1000) -> dict[str, float]:
    """Return what comes of studies.

    Keys: "any" (part of the studies that settle any arm), "found" (part of the arms that are
    settled, above the baseline), "at once" (the same of a study looked at after its last seed
    alone; NaN without an effect), "seeds of an arm" (their mean) and "saved" (part of all runs that
    were not needed, the baseline's included).
    """
    generator = np.random.default_rng([design.arms, design.seeds, KINDS.index(kind)])
    ends, at_once = [], []
    for _ in range(studies):
        found = outcomes(generator, kind, design, effect)
        ends.append(last_looks(found, design, design.group))
        if effect:
            at_once.append(last_looks(found, design, design.seeds))
    seeds = np.array([[look.seeds for look in looks] for looks in ends])
    runs = seeds.sum(axis=1) + seeds.max(axis=1)
    return {
        "any": float(np.mean([any(look.settled for look in looks) for looks in ends])),
        "found": _found(ends),
        "at once": _found(at_once) if effect else float("nan"),
        "seeds of an arm": float(seeds.mean()),
        "saved": float(1 - runs.mean() / (design.seeds * (design.arms + 1))),
    }


def _found(studies: list[list[Look]]) -> float:
    return float(
        np.mean([look.settled and look.difference > 0 for looks in studies for look in looks])
    )


@dataclass(frozen=True)
class AdaptiveSeedsBenchmark:
    """Simulate studies with adaptive seeds, and write how often they err and what they save.

    Attributes:
        studies: of each row.
        out: folder to write into.
    """

    studies: int = 1000
    out: Path = Path("docs/results/adaptive")


def main(options: AdaptiveSeedsBenchmark) -> None:
    """Write seeds.md and seeds.csv."""
    rows = []
    for design in DESIGNS:
        for kind, effect in [*((kind, 0) for kind in KINDS), ("normal", 1), ("normal", 2)]:
            said = rates(design, kind, effect, options.studies)
            rows.append({**vars(design), "seeds drawn": kind, "effect": effect} | said)
    publish(rows, options.studies, page, options.out / "seeds")


def page(table: pd.DataFrame, studies: int) -> str:
    """Return the rows as a page."""
    lines = [
        "# What adaptive seeds save, and how often they err: simulated studies",
        "",
        f"{studies:,} studies in each row, whose arms are compared with the baseline after each "
        f"group of seeds, at an error rate of {ERROR_RATE:.0%} over all looks and arms.",
        "",
        "## Where nothing is there",
        "",
        "Studies in which any arm is settled. The rate is promised where the baseline's seeds and "
        "an arm's are drawn alike: normal, with heavy tails (t3), with an outlying seed, skewed, "
        f"success rates of {EPISODES} episodes where half the seeds learn, and where the same seed "
        "of two arms has a correlation of 0.3. It is not for arms that scatter three times as "
        "much as the baseline (wide), and seeds of an arm that share a deviation (a correlation "
        "of 0.3).",
        "",
        "| arms beside the baseline | seeds planned | in groups of | seeds drawn | settled | "
        "promised |",
        "|---|---|---|---|---|---|",
    ]
    for row in table[table.effect == 0].to_dict("records"):
        promised = f"{ERROR_RATE:.0%}" if row["seeds drawn"] in PROMISED else "nothing"
        lines.append(f"{_design(row)} {row['seeds drawn']} | {row['any']:.1%} | {promised} |")
    lines += [
        "",
        "## Where every arm lies above the baseline",
        "",
        "Of normal seeds: arms that are found above it, the same in a study that is looked at "
        "after its last seed alone, the seeds that an arm took, and the part of all runs that "
        "were not needed, the baseline's included.",
        "",
        "| arms beside the baseline | seeds planned | in groups of | standard deviations | found | "
        "found, looked at once | seeds of an arm | runs saved |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"{_design(row)} {row['effect']} | {row['found']:.1%} | {row['at once']:.1%} | "
        f"{row['seeds of an arm']:.1f} | {row['saved']:.1%} |"
        for row in table[table.effect > 0].to_dict("records")
    ]
    return "\n".join([*lines, ""])


def _design(row: dict[str, object]) -> str:
    return f"| {row['arms']} | {row['seeds']} | {row['group']} |"


if __name__ == "__main__":
    main(tyro.cli(AdaptiveSeedsBenchmark))
