"""Commands that run the agent, write down what it sees, think it through again, or check its config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.cli.talk import DEFAULT_SITE, SiteArgument, complaints, console, plain_errors
from agent.control.authority import Mode


def run(
    site: SiteArgument = DEFAULT_SITE,
    mode: Annotated[Mode | None, typer.Option(help="Outranks the file.")] = None,
    strategy: Annotated[Literal["planner", "baseline"] | None, typer.Option(help="Outranks the file.")] = None,
) -> None:
    """Read, plan, write and tell, until asked to stop; then hand the machines back."""
    from agent.app import run_site

    with plain_errors():
        raise typer.Exit(run_site(site, mode=mode, strategy=strategy))


def record(
    site: SiteArgument = DEFAULT_SITE,
    out: Annotated[Path, typer.Option(help="The recording; a file that is there is replaced.")] = Path("traffic.hwt"),
    mode: Annotated[Mode | None, typer.Option(help="Outranks the file.")] = None,
    strategy: Annotated[Literal["planner", "baseline"] | None, typer.Option(help="Outranks the file.")] = None,
) -> None:
    """Run as `run` does, and write down all that comes in: each poll, each outcome, each look at the clock."""
    from agent.app import run_site

    with plain_errors():
        raise typer.Exit(run_site(site, mode=mode, strategy=strategy, record=out))


def replay(
    recording: Annotated[Path, typer.Argument(help="A file that `hushwatt record` has written.")],
    site: Annotated[Path | None, typer.Option("--site", help="Another config, to see what it changes.")] = None,
) -> None:
    """Think through a recording again: the same decisions bit for bit, or the first that differs."""
    from agent.config import load
    from agent.traffic.replay import replay as turn_again

    with plain_errors():
        done = turn_again(recording, None if site is None else load(site))
    told = f"{done.turns} turns on {done.scans} scans: {done.wishes} wishes, {done.commands} commands"
    if done.difference is not None:
        complaints.print(f"{told}, then another one: {done.difference}", markup=False)
        raise typer.Exit(1)
    console.print(f"{told}: identical", markup=False, highlight=False)


def check(site: SiteArgument = DEFAULT_SITE) -> None:
    """Name each mistake in a config by file, line, key, what was found and what was wanted."""
    from agent.config import check as check_file

    report = check_file(site)
    for problem in report.problems:
        complaints.print(str(problem), markup=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    if report.problems:
        complaints.print(f"{len(report.problems)} to mend in {site}", markup=False)
        raise typer.Exit(2)
    console.print(f"{site}: nothing to mend", markup=False, highlight=False)
