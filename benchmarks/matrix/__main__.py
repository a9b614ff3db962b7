"""`python -m benchmarks.matrix`: try every cell, and write docs/matrix.md."""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from rich.progress import track

from benchmarks.matrix.agents import REFUSED, WRAPPERS, Cell, every_cell, make_refused
from benchmarks.matrix.checking import Outcome, outcome_of
from goalscope.diagnostics import ModalityDiagnostics
from goalscope.probes import UnsupportedPolicy

_HEAD = """# What was tried

Written by `python -m benchmarks.matrix`. Each cell is a real agent with a camera and vectors on
PixelPoint-v0, trained twice from one seed: alone, and with every instrument on. It is *right*
where each gradient that the tap saw (at the fused features, the first layers, the encoders; of
every update) is autograd's own to 1e-4, no measurement failed, and every weight is the same to
the last bit with and without the callbacks.

"""
_FOOT = """\
DQN and QRDQN have one network, the record's critic. PPO and its kin train policy and value with
one optimiser: where they share the encoder, its gradient is one of both losses, `joint_loss`, and
only at the first layers are the two apart. Updates are optimiser steps, of minibatches. An LSTM
has no first linear layer: RecurrentPPO has no `signal`, and its gradients at the fusion are those
at the extractor's output. Agents without replay have no `transitions`.

"""
PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"


def main() -> None:
    torch.set_num_threads(1)
    outcomes = {cell: outcome_of(cell) for cell in track(every_cell(), "training")}
    PAGE.write_text(page(outcomes, {name: refusal(name) for name in REFUSED}), encoding="utf-8")
    wrong = [f"{cell}: {'; '.join(o.wrong)}" for cell, o in outcomes.items() if o.wrong]
    print(*wrong or [f"{len(outcomes)} of {len(outcomes)} as they should be"], sep="\n")
    sys.exit(bool(wrong))


def refusal(name: str) -> str:
    """Return what an agent that is not watched is refused with."""
    agent = make_refused(name)
    try:
        agent.learn(24, callback=ModalityDiagnostics(None))
    except UnsupportedPolicy as error:
        return str(error)
    finally:
        env = agent.get_env()
        assert env is not None
        env.close()
    return "not refused"


def page(outcomes: Mapping[Cell, Outcome], refused: Mapping[str, str]) -> str:
    compared = sum(outcome.compared for outcome in outcomes.values())
    good = sum(not outcome.wrong for outcome in outcomes.values())
    largest = max(outcome.error for outcome in outcomes.values())
    rows: dict[tuple[str, str, str], dict[str, Outcome]] = {}
    for cell, outcome in outcomes.items():
        shared = "shared" if cell.shared else "separate"
        row = cell.algorithm, shared, "yes" if cell.goal else "no"
        rows.setdefault(row, {})[cell.wrapper] = outcome
    lines = [
        *_HEAD.splitlines(),
        f"{good} of {len(outcomes)} cells are right; {compared:,} gradients were compared, and the "
        "largest",
        f"relative difference is {largest:.1e}.",
        "",
        "| algorithm | encoder | goals | " + " | ".join(WRAPPERS) + " | what is recorded |",
        "|---|---|---|" + "---|" * (len(WRAPPERS) + 1),
    ]
    for (algorithm, shared, goal), cells in rows.items():
        said = ["; ".join(cells[w].wrong) or "right" for w in WRAPPERS]
        families = ", ".join(sorted({f for outcome in cells.values() for f in outcome.families}))
        lines.append(f"| {algorithm} | {shared} | {goal} | {' | '.join(said)} | {families} |")
    lines += [
        "",
        *_FOOT.splitlines(),
        "Not watched, with what they are told:",
        "",
        *(f"- {name}: {words}" for name, words in refused.items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
