"""`goalscope arms`: the named arms, and what each changes."""

from dataclasses import dataclass, fields

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goalscope.training.agents.settings import AgentSettings
from goalscope.training.envs.settings import EnvironmentSettings
from goalscope.training.runs.arms import ARMS, BASES, CHANGES, RECIPE


@dataclass(frozen=True)
class Arms:
    """List the arms and how each differs from the baseline, and the parts that compose new ones.

    For example: goalscope arms
    """

    def run(self) -> int:
        """Print both tables."""
        console = Console(highlight=False)
        defaults = {
            f.name: f.default for f in (*fields(AgentSettings), *fields(EnvironmentSettings))
        }
        table = Table(title="arms", title_justify="left")
        for heading in ("arm", "what it is", "settings it changes (from -> to)"):
            table.add_column(heading, overflow="fold")
        for arm in ARMS.values():
            changed = [
                f"{k} {defaults[k]} -> {v}" for k, v in arm.values.items() if v != defaults[k]
            ]
            table.add_row(arm.name, escape(arm.summary), escape(", ".join(changed)) or "none")
        console.print(table)
        parts = ", ".join(name for name in CHANGES if name not in BASES)
        console.print(
            "Compose new ones with + and leave parts out with ~, such as "
            f"pixel-her+drq+norm+dim256 or pixel-her-recipe~explore. Parts: {parts}, and recipe "
            f"for all of {', '.join(RECIPE)}."
        )
        return 0
