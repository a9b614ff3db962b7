"""How often a verdict is wrong where nothing is there, and how often it finds what is.

Simulated studies that never touch a file: each test's seeds are drawn, and go through the functions
that judge every study, as whole families. Seeds that are independent and scatter alike to both
sides (normal, heavy tails, one outlying seed) are what the rates are promised for; skewed seeds and
seeds that share a deviation (correlation 0.3) are reported beside, to show what that is worth.
Run with `python -m benchmarks.verdict_power`; writes docs/results/verdict/power.md and its rows as
CSV.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray

from goalscope.reports.statistics.outcomes import Verdict, decide
from goalscope.reports.statistics.samples import Sample
from goalscope.reports.statistics.scales import Scale
from goalscope.reports.statistics.seed_tests import SeedTest, all_of, any_of, below_threshold
from goalscope.reports.statistics.thresholds import Thresholds

RULES = Thresholds()
KINDS = ("normal", "t3", "outlier", "skewed", "shared")
CONTROLLED = KINDS[:3]  # seeds that are independent, and scatter alike to both sides


@dataclass(frozen=True)
class Family:
    """The tests of a page's family, as numbers of parts that each of them joins.

    Attributes:
        parts: of each test.
        any_part: whether one part is enough, as for most alternative explanations.
    """

    parts: tuple[int, ...]
    any_part: bool = False


# At one time. The links of a baseline and two fixes: C1 to C4 of both networks, C5 of both fixes.
LINKS = (1, 1, 1, 1, 3, 3, 2, 1, 3, 3, 3, 3)
RIVALS = (1, 2, 3, 1, 5, 1, 1, 2, 5, 1)


def links(times: int = 4) -> Family:
    """Return the family of the links of the claim, over some times."""
    return Family(LINKS * times)


def rivals(times: int = 4) -> Family:
    """Return the family of the alternative explanations, over some times."""
    return Family(RIVALS * times, any_part=True)


def draw(generator: np.random.Generator, kind: str, seeds: int) -> NDArray[np.float64]:
    """Return what a quantity's seeds deviate by from its true value; standard deviation about 1."""
    values = generator.normal(size=seeds)
    if kind == "t3":
        return generator.standard_t(3, size=seeds) / np.sqrt(3)
    if kind == "outlier":
        values[generator.integers(seeds)] = generator.choice([-10.0, 10.0])
    elif kind == "skewed":
        return generator.exponential(size=seeds) - 1
    elif kind == "shared":  # a correlation of 0.3 between the seeds
        return np.sqrt(0.7) * values + np.sqrt(0.3) * generator.normal()
    return values


def study(
    generator: np.random.Generator, family: Family, kind: str, seeds: int, effect: float = 0.0
) -> list[Verdict]:
    """Return the outcomes of a study in which every part lies `effect` below its threshold."""
    return decide([_test(generator, n, family, kind, seeds, effect) for n in family.parts], RULES)


def _test(
    generator: np.random.Generator,
    parts: int,
    family: Family,
    kind: str,
    seeds: int,
    effect: float,
) -> SeedTest:
    named = []
    for part in range(parts):
        logits = draw(generator, kind, seeds) - effect
        numbers = {f"seed {n}": float(v) for n, v in enumerate(1 / (1 + np.exp(-logits)))}
        named.append((str(part), below_threshold(Sample(numbers), Scale.LOGIT, 0.5, RULES)))
    return any_of(named) if family.any_part else all_of(named)


def rates(
    family: Family, kind: str, seeds: int, effect: float = 0.0, studies: int = 1000
) -> dict[str, float]:
    """Return in what part of studies anything is said, and what part of the tests.

    Keys: "any" (study in which any test takes a side), "for" and "against" (any on that side), and
    "found" (part of the tests on the side of the effect).
    """
    generator = np.random.default_rng([seeds, len(family.parts), KINDS.index(kind)])
    said = [
        [verdict.speaks for verdict in study(generator, family, kind, seeds, effect)]
        for _ in range(studies)
    ]
    return {
        "any": float(np.mean([any(way is not None for way in own) for own in said])),
        "for": float(np.mean(["for" in own for own in said])),
        "against": float(np.mean(["against" in own for own in said])),
        "found": float(np.mean([way == "for" for own in said for way in own])),
    }


@dataclass(frozen=True)
class VerdictPower:
    """Simulate studies, and write how often their verdicts are wrong, and right.

    Attributes:
        studies: of each row.
        out: folder to write into.
    """

    studies: int = 1000
    out: Path = Path("docs/results/verdict")


def main(options: VerdictPower) -> None:
    """Write power.md and power.csv."""
    rows = []
    for name, family in (("links", links()), ("alternative explanations", rivals())):
        for kind in KINDS:
            for seeds in (2, 3, 5, 10):
                said = rates(family, kind, seeds, 0.0, options.studies)
                rows.append(
                    {"family": name, "seeds drawn": kind, "seeds": seeds, "effect": 0} | said
                )
        for effect in (1, 2):
            for seeds in (5, 10):
                said = rates(family, "normal", seeds, effect, options.studies)
                rows.append(
                    {"family": name, "seeds drawn": "normal", "seeds": seeds, "effect": effect}
                    | said
                )
    publish(rows, options.studies, page, options.out / "power")


def publish(
    rows: Sequence[Mapping[str, Any]],
    studies: int,
    page: Callable[[pd.DataFrame, int], str],
    path: Path,
) -> None:
    """Write what simulated studies came to, as CSV and as a page.

    Args:
        rows: of the table.
        studies: of each row.
        page: returns the table as Markdown.
        path: of both files, without their endings.
    """
    table = pd.DataFrame(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path.with_suffix(".csv"), index=False)
    path.with_suffix(".md").write_text(page(table, studies))
    print(path.with_suffix(".md"))


def page(table: pd.DataFrame, studies: int) -> str:
    """Return the rows as a page."""
    lines = [
        "# What a verdict is worth: simulated studies",
        "",
        f"{studies:,} studies in each row, every quantity scattered around its threshold (logits, "
        "standard deviation 1), judged by the functions that judge every study. Five seeds and "
        "more decide, at a false discovery rate of 5 %; fewer lean, at 10 %.",
        "",
        "## Where nothing is there",
        "",
        "Studies in which any test of the family takes a side. The rates are promised for seeds "
        "that are independent and scatter alike to both sides: the first three kinds. Skewed "
        "seeds, and seeds that share a deviation (correlation 0.3), break the assumption.",
        "",
        "| family | seeds drawn | seeds | any side | for | against | promised |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table[table.effect == 0].to_dict("records"):
        nominal = RULES.false_discoveries if row["seeds"] >= 5 else RULES.false_leanings
        promised = f"{nominal:.0%}" if row["seeds drawn"] in CONTROLLED else "nothing"
        cells = [f"{row[key]:.1%}" for key in ("any", "for", "against")]
        lines.append(
            f"| {row['family']} | {row['seeds drawn']} | {row['seeds']} | {' | '.join(cells)} | "
            f"{promised} |"
        )
    lines += [
        "",
        "## Where every part lies below its threshold",
        "",
        "Tests of the family that are found supported, of normal seeds.",
        "",
        "| family | standard deviations | seeds | found |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['family']} | {row['effect']} | {row['seeds']} | {row['found']:.1%} |"
        for row in table[table.effect > 0].to_dict("records")
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(tyro.cli(VerdictPower))
