"""What every command shares: the two consoles, the site's config, mistakes in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.core.errors import ConfigError, OperatingError
from agent.store.faults import StoreRefused

console = Console(soft_wrap=True)
WIDE = 200
"""Columns of a table that goes into a file or a pipe: it is not cut to a screen's width."""
complaints = Console(stderr=True, soft_wrap=True, highlight=False)

SiteArgument = Annotated[
    Path, typer.Argument(envvar="HUSHWATT_SITE", help="The site's config file.", show_default="/etc/hushwatt/site.yaml")
]
SiteOption = Annotated[
    Path, typer.Option("--site", envvar="HUSHWATT_SITE", help="The site's config file.", show_default=True)
]
DEFAULT_SITE = Path("/etc/hushwatt/site.yaml")


def wide_console() -> Console:
    """The console, or one as wide as a table may need where nobody looks at a screen."""
    return console if console.is_terminal else Console(width=WIDE)


@contextmanager
def plain_errors() -> Iterator[None]:
    """What a person has to mend is told in a sentence, not in a trace."""
    try:
        yield
    except ConfigError as fault:
        for problem in fault.problems:
            complaints.print(f"hushwatt: {problem}", markup=False)
        raise typer.Exit(2) from None
    except (OperatingError, StoreRefused) as fault:
        complaints.print(f"hushwatt: {fault}", markup=False)
        raise typer.Exit(1) from None


def unknown_point(point: str, known: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    nearest = get_close_matches(point, known, 1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    complaints.print(f"hushwatt: {point}: the store knows no such point{hint}", markup=False)
    raise typer.Exit(2)
