"""`goalscope probe-set`: the states that every run of a comparison is asked about, in a file."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from goalscope.diagnostics.record import PROBE_SET_FILE
from goalscope.errors import UserError
from goalscope.training.envs.settings import ObservationSettings


@dataclass(frozen=True, kw_only=True)
class ProbeSet(ObservationSettings):
    """Gather the states and goals that every run of a comparison is asked about, in one file.

    Give the file to each run: ModalityDiagnostics(..., probe_set=FILE), or train --probe-set FILE.

    For example: goalscope probe-set --env my_env.py:make --out probe_set.safetensors
    """

    out: Path
    """The file, a new one, such as probe_set.safetensors."""

    size: int = 128
    """How many states."""

    seed: int | None = None
    """Of the environment and the random actions that lead there; one of no training run if left
    out."""

    def run(self) -> int:
        """Gather, and say how to use the file."""
        if self.out.is_dir():
            raise UserError(
                f"{self.out} is a folder; give a file in it: {self.out / PROBE_SET_FILE}"
            )
        if self.out.exists():
            raise UserError(f"{self.out} is there already; choose another name, or delete it")
        if not self.out.resolve().parent.is_dir():
            raise UserError(f"{self.out.parent} is no folder; make it first")
        from goalscope.diagnostics.material.probe_set import PROBE_SEED, gather_probe_set
        from goalscope.training.envs.making import make_environment

        seed = PROBE_SEED if self.seed is None else self.seed
        env = make_environment(self.observed)
        try:
            probe_set = gather_probe_set(env, self.size, seed)
        finally:
            env.close()
        probe_set.save(self.out)
        shapes = ", ".join(
            f"{key} {part.shape[1:]}" for key, part in probe_set.observations.items()
        )
        print(f"{len(probe_set)} states ({shapes}), {len(probe_set.goals)} goals: {self.out}")
        file = shlex.quote(str(self.out))
        print(f"Use it in every run: ModalityDiagnostics(..., probe_set={str(self.out)!r}), or")
        print(f"goalscope train ... --probe-set {file}")
        return 0
