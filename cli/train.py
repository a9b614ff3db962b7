"""`goalscope train`: one run of an arm."""

import shlex
from dataclasses import dataclass

import tyro

from goalscope.cli.arm_flags import ArmFlags
from goalscope.training.runs.settings import FAST, RunSettings
from goalscope.training.runs.validation import check


@dataclass(frozen=True, kw_only=True)
class Train(ArmFlags, RunSettings):
    """Train one run of an arm with SB3, and record what its updates show.

    The same command goes on with a run that was cut off.

    For example: goalscope train pixel-her --env FetchPush-v4 --total-steps 2000 --out runs/a
    """

    arm: tyro.conf.Positional[str]
    """The name of an arm, such as pixel-her-norm, or one composed, such as pixel-her+drq+stack4;
    goalscope arms lists them."""

    def run(self) -> int:
        """Train, and say how to read the result."""
        settings = self.of_run(self.arm_of(self.arm), self.out, self.seed)
        check(settings)

        from rich.console import Console

        from goalscope.training.runs.run import is_finished, train

        console = Console(highlight=False, markup=False, soft_wrap=True)
        if is_finished(settings):
            train(settings)  # refuses other settings
            console.print(f"{settings.out} already holds this run to its end; it is left so.")
            return 0
        if settings.fast:
            console.print("fast, only faster:")
            for line in FAST[0 if settings.shared_frames else 1 :]:
                console.print(f"  {line}")
        folder = train(settings, progress=True)
        again = shlex.quote(str(folder))
        console.print(f"Recorded in {folder}. Read it with: goalscope report {again}")
        return 0
