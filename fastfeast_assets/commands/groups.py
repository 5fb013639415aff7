"""A group of commands that shows its help, and all is well, when no command is named."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class HelpfulGroup(TyperGroup):
    """Who types the bare name wants to know what there is; that is no mistake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments; without any, show the help and end with 0."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)
