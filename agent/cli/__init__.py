"""What people type: a file a group of commands. Commands of other packages come in through `hushwatt.commands`."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated

import typer

from agent import __version__
from agent.cli.commission import acceptance, probe, scan
from agent.cli.explain import explain
from agent.cli.export import export, query
from agent.cli.plan import plan
from agent.cli.points import points
from agent.cli.run import check, record, replay, run
from agent.cli.sharing import letters, shared
from agent.cli.status import status
from agent.cli.talk import complaints, console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Stops buildings and small data centres from burning energy for nobody, and proves it.",
)
COMMANDS = (
    (run, check, status, points, explain, plan),
    (query, export, record, replay),
    (shared, letters),
    (scan, probe, acceptance),
)
for command in (command for group in COMMANDS for command in group):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"hushwatt {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell it and end.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The command `hushwatt`."""
    # Only the command that is asked for is loaded: `run` must stay small, and a missing extra must not stop it.
    asked = sys.argv[1] if len(sys.argv) > 1 else "--help"
    for entry in entry_points(group="hushwatt.commands"):
        if asked in (entry.name, "--help"):
            _mount(entry)
    app()


def _mount(entry: EntryPoint) -> None:
    try:
        app.command(entry.name)(entry.load())
    except ModuleNotFoundError as fault:
        complaints.print(f"hushwatt {entry.name}: the package {fault.name} is missing: install hushwatt[simulator]")
        raise SystemExit(2) from None
