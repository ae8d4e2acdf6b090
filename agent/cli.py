"""What people type. Commands of other packages come in through the entry points `hushwatt.commands`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from agent import __version__
from agent.control.authority import Mode
from agent.core.errors import ConfigError, OperatingError
from agent.core.journal import Entry
from agent.store.faults import StoreRefused

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Stops buildings and small data centres from burning energy for nobody, and proves it.",
)
console = Console(soft_wrap=True)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)

SiteArgument = Annotated[
    Path, typer.Argument(envvar="HUSHWATT_SITE", help="The site's config file.", show_default="/etc/hushwatt/site.yaml")
]
SiteOption = Annotated[
    Path, typer.Option("--site", envvar="HUSHWATT_SITE", help="The site's config file.", show_default=True)
]
DEFAULT_SITE = Path("/etc/hushwatt/site.yaml")

RULES = {
    "no-limit": "the site's config has no limit for this point, so nothing may be written",
    "not-a-number": "the wish was not a number",
    "expired": "the wish was for an earlier time",
    "blind": "a point that the limit needs could not be seen",
    "unknown-start": "the point's present value could not be read",
    "interlock": "an interlock forbade it",
    "unchanged": "the machine follows this value already",
    "too-soon": "the last move is too recent (hold_s)",
    "band": "it was moved into the band low..high",
    "step": "it was brought down to the largest step",
    "within": "nothing stood against it",
}


@contextmanager
def _plain_errors() -> Iterator[None]:
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


@app.command()
def run(
    site: SiteArgument = DEFAULT_SITE,
    mode: Annotated[Mode | None, typer.Option(help="Outranks the file.")] = None,
    strategy: Annotated[Literal["planner", "baseline"] | None, typer.Option(help="Outranks the file.")] = None,
) -> None:
    """Read, plan, write and tell, until asked to stop; then hand the machines back."""
    from agent.app import run_site

    with _plain_errors():
        raise typer.Exit(run_site(site, mode=mode, strategy=strategy))


@app.command()
def record(
    site: SiteArgument = DEFAULT_SITE,
    out: Annotated[Path, typer.Option(help="The recording; a file that is there is replaced.")] = Path("traffic.hwt"),
    mode: Annotated[Mode | None, typer.Option(help="Outranks the file.")] = None,
    strategy: Annotated[Literal["planner", "baseline"] | None, typer.Option(help="Outranks the file.")] = None,
) -> None:
    """Run as `run` does, and write down all that comes in: each poll, each outcome, each look at the clock."""
    from agent.app import run_site

    with _plain_errors():
        raise typer.Exit(run_site(site, mode=mode, strategy=strategy, record=out))


@app.command()
def replay(
    recording: Annotated[Path, typer.Argument(help="A file that `hushwatt record` has written.")],
    site: Annotated[Path | None, typer.Option("--site", help="Another config, to see what it changes.")] = None,
) -> None:
    """Think through a recording again: the same decisions bit for bit, or the first that differs."""
    from agent.config import load
    from agent.traffic.replay import replay as turn_again

    with _plain_errors():
        done = turn_again(recording, None if site is None else load(site))
    told = f"{done.turns} turns on {done.scans} scans: {done.wishes} wishes, {done.commands} commands"
    if done.difference is not None:
        complaints.print(f"{told}, then another one: {done.difference}", markup=False)
        raise typer.Exit(1)
    console.print(f"{told}: identical", markup=False, highlight=False)


@app.command()
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


@app.command()
def status(
    site: SiteArgument = DEFAULT_SITE,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as they are.")] = False,
) -> None:
    """How the agent is, from what it last wrote: mode, held points, counts, latest values."""
    from agent.app import store_path
    from agent.board import read_board
    from agent.store.reader import open_reader

    with _plain_errors():
        path = store_path(site)
        board = read_board(path.parent)
        with open_reader(path) as reader:
            stored = reader.counts()
    board["counts"] |= {"samples_stored": stored.samples, "unsent": stored.outbox, "store_bytes": stored.bytes}
    if as_json:
        console.print_json(json.dumps(board))
        return
    _show_board(board)


@app.command()
def explain(point: str, site: SiteOption = DEFAULT_SITE) -> None:
    """Why a point has its value: who wished it, which rule decided, what it is expected to save."""
    from agent.app import store_path
    from agent.store.reader import open_reader

    with _plain_errors(), open_reader(store_path(site)) as reader:
        verdicts = reader.entries(kind="verdict", subject=point, limit=1)
        outcomes = reader.entries(kind="outcome", subject=point, limit=1)
        leases = reader.entries(kind="lease", subject=point.partition(".")[0], limit=1)
        known = reader.names()
    if point not in known:
        _unknown_point(point, known)
    if not verdicts:
        console.print(f"{point}: nobody has wished anything for it yet; it has its own control", markup=False)
        return
    _explain(point, verdicts[0], outcomes, leases)


@app.command()
def export(
    site: SiteArgument = DEFAULT_SITE,
    point: Annotated[
        list[str] | None, typer.Option(help="A point id; may be repeated. All points if left out.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    what: Annotated[Literal["samples", "journal"], typer.Option(help="CSV, or text.")] = "samples",
    out: Annotated[Path | None, typer.Option(help="A file; standard output if left out.")] = None,
) -> None:
    """Samples as CSV, or the journal as text, from the store; also while the agent runs."""
    from agent.app import store_path
    from agent.store.reader import open_reader

    with _plain_errors(), open_reader(store_path(site)) as reader:
        if what == "journal":
            lines: Iterator[str] = (_journal_line(e) for e in reversed(reader.entries(limit=10_000_000)))
        else:
            span = (_unix_s(since, 0.0), _unix_s(until, float("inf")))
            lines = reader.samples_csv(point or None, *span)
        _write_lines(lines, out)


def _write_lines(lines: Any, out: Path | None) -> None:
    try:
        if out is None:
            sys.stdout.writelines(lines)
        else:
            with out.open("w", encoding="utf-8") as file:
                file.writelines(lines)
    except BrokenPipeError:
        # `hushwatt export | head`: the reader has what it wanted. Python would complain again at exit.
        sys.stderr.close()
    except OSError as fault:
        complaints.print(f"hushwatt: cannot write {out}: {fault.strerror}", markup=False)
        raise typer.Exit(1) from None


def _unix_s(when: datetime | None, otherwise: float) -> float:
    return otherwise if when is None else when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def _journal_line(entry: Entry) -> str:
    return f"{entry.at.iso()}  {entry.kind:8}  {entry.text}\n"


def _unknown_point(point: str, known: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    nearest = get_close_matches(point, known, 1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    complaints.print(f"hushwatt: {point}: the store knows no such point{hint}", markup=False)
    raise typer.Exit(2)


def _explain(point: str, verdict: Entry, outcomes: list[Entry], leases: list[Entry]) -> None:
    data = verdict.data
    console.print(f"[bold]{point}[/bold]", highlight=False)
    rule = str(data["rule"])
    rows = [
        ("decided", verdict.at.iso()),
        ("wished", f"{data['wish']:g} by {data['source']}, in mode {data['mode']}"),
        ("because", str(data["reason"])),
        ("judged", f"{data['kind']} by rule {rule}: {RULES.get(rule, 'a rule of an older version')}"),
        ("written", "nothing" if data["value"] is None else f"{data['value']:g}"),
        *((f"expected {name}", f"{value:g}") for name, value in sorted(dict(data["expects"]).items())),  # type: ignore[call-overload]
        *(("last write", f"{entry.at.iso()} {entry.text}") for entry in outcomes),
        *(("handed back", f"{entry.at.iso()} {entry.text}") for entry in leases),
    ]
    table = Table.grid(padding=(0, 2))
    for name, said in rows:
        table.add_row(name, said)
    console.print(table)


def _show_board(board: dict[str, Any]) -> None:
    counts = board["counts"]
    table = Table.grid(padding=(0, 2))
    table.add_row("as of", board["at"])
    table.add_row("mode", board["mode"])
    table.add_row("holds", ", ".join(board["held"]) or "nothing: every machine has its own control")
    silent = [name for name, device in board["devices"].items() if device["silent"]]
    table.add_row("devices", f"{len(board['devices'])}, silent: {', '.join(silent) or 'none'}")
    for name, value in counts.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}" if isinstance(value, float) else str(value))
    for machine, line in board["idle"].items():
        told = f"{line['idle_hours']:.1f} h idle of {line['running_hours']:.1f} h running, rule {line['rule']}"
        table.add_row(f"idle {machine}", told)
    console.print(table)
    points = Table("point", "value", "quality", "age s")
    for name, value in board["points"].items():
        age_s, quality = board["ages_s"][name], board["quality"][name]
        points.add_row(name, "-" if value is None else f"{value:g}", quality, "-" if age_s is None else f"{age_s:.0f}")
    console.print(points)


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
