"""Flags that say in which environment: one of goalscope's, or one of a user's own."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goalscope.errors import UserError
from goalscope.training.envs.settings import ObservationSettings

if TYPE_CHECKING:
    from goalscope.training.envs.own import MakeEnv


@dataclass(frozen=True, kw_only=True)
class EnvironmentFlags(ObservationSettings):
    """An environment by its name and what is observed of it, or by what makes it."""

    make_env: str | None = None
    """module:function or file.py:function that returns an environment of your own, in place of
    --env and its flags."""

    def environment_maker(self) -> "MakeEnv":
        """Return what makes the environment.

        Raises:
            UserError: what should make it cannot be imported.
        """
        if self.make_env is not None:
            return imported(self.make_env)
        from goalscope.training.envs.making import make_environment

        return lambda: make_environment(self.observed)


def imported(where: str) -> "MakeEnv":
    """Return the maker of an environment that `module:function` or `file.py:function` names.

    Raises:
        UserError: it cannot be imported.
    """
    module, _, function = where.rpartition(":")
    folder = Path.cwd()  # where a user's own module lies
    if module.endswith(".py"):
        file = Path(module)
        folder, module = file.parent.resolve(), file.stem
    sys.path.insert(0, str(folder))
    try:
        maker: MakeEnv = getattr(importlib.import_module(module), function)
    except Exception as error:  # a user's module can fail in any way
        raise UserError(
            f"--make-env {where} cannot be imported from {folder} "
            f"({type(error).__name__}: {error}); write module:function for a module there, or "
            "path/to/file.py:function"
        ) from error
    return maker
