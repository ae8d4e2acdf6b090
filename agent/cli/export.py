"""What the store holds, as text, CSV and Parquet, and one look at some points."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.cli.talk import DEFAULT_SITE, SiteArgument, complaints, console, plain_errors, unknown_point
from agent.core.journal import Entry
from agent.store.reader import Reader
from agent.store.table import Resolution, Rows, csv_lines, rows, write_parquet

PointsOption = Annotated[
    list[str] | None, typer.Option("--point", help="A point id; may be repeated. All points if left out.")
]
SinceOption = Annotated[datetime | None, typer.Option(help="UTC.")]
UntilOption = Annotated[datetime | None, typer.Option(help="UTC; up to but without it.")]
ResolutionOption = Annotated[Resolution, typer.Option(help="Samples as they were, or means of the good ones.")]


def export(
    site: SiteArgument = DEFAULT_SITE,
    point: PointsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    resolution: ResolutionOption = "raw",
    what: Annotated[Literal["samples", "journal"], typer.Option(help="Samples, or the journal as text.")] = "samples",
    out: Annotated[Path | None, typer.Option(help="A file; standard output if left out.")] = None,
    form: Annotated[
        Literal["csv", "parquet"] | None, typer.Option("--format", help="If left out, as the file's name ends.")
    ] = None,
) -> None:
    """Samples as CSV or Parquet, or the journal as text, from the store; also while the agent runs."""
    from agent.app import store_path
    from agent.store.reader import open_reader

    with plain_errors(), open_reader(store_path(site)) as reader:
        if what == "journal":
            _write_lines((_journal_line(e) for e in reversed(reader.entries(limit=10_000_000))), out)
            return
        points = _chosen(reader, point)
        found = rows(reader, points, _unix_s(since, 0.0), _unix_s(until, float("inf")), resolution)
        if form == "parquet" or (form is None and out is not None and out.suffix == ".parquet"):
            _write_parquet(reader, points, found, resolution, out)
        else:
            _write_lines(csv_lines(reader, points, found, resolution), out)


def query(
    point: Annotated[list[str], typer.Argument(help="Point ids.")],
    site: Annotated[
        Path, typer.Option("--site", envvar="HUSHWATT_SITE", help="The site's config file.", show_default=True)
    ] = DEFAULT_SITE,
    last: Annotated[str, typer.Option(help="How far back: 90m, 36h, 30d.")] = "24h",
    since: SinceOption = None,
    until: UntilOption = None,
    resolution: ResolutionOption = "hour",
) -> None:
    """Some points over a span, as a table: the last day by the hour, if nothing else is said."""
    from agent.app import store_path
    from agent.store.reader import open_reader

    with plain_errors(), open_reader(store_path(site)) as reader:
        points = _chosen(reader, point)
        ends_s = _unix_s(until, float("inf"))
        newest_s = max((last_s for _, last_s in reader.spans()), default=0.0)
        begins_s = _unix_s(since, min(ends_s, newest_s) - _span_s(last))
        _write_lines(csv_lines(reader, points, rows(reader, points, begins_s, ends_s, resolution), resolution), None)


def _span_s(told: str) -> float:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = told[:-1], told[-1:]
    if unit not in units or not number.replace(".", "", 1).isdigit():
        complaints.print(f"hushwatt: --last: found {told}, wanted a number with m, h or d, such as 36h", markup=False)
        raise typer.Exit(2)
    return timedelta(**{units[unit]: float(number)}).total_seconds()


def _chosen(reader: Reader, points: list[str] | None) -> list[str]:
    known = reader.names()
    for name in points or ():
        if name not in known:
            unknown_point(name, known)
    return points or list(known)


def _write_parquet(
    reader: Reader, points: list[str], found: Iterator[Rows], resolution: Resolution, out: Path | None
) -> None:
    if out is None:
        complaints.print("hushwatt: Parquet needs a file: --out samples.parquet")
        raise typer.Exit(2)
    try:
        count = write_parquet(reader, points, found, resolution, out)
    except ModuleNotFoundError:
        complaints.print("hushwatt: the package pyarrow is missing: install hushwatt\\[parquet]")
        raise typer.Exit(2) from None
    except OSError as fault:
        complaints.print(f"hushwatt: cannot write {out}: {fault.strerror or fault}", markup=False)
        raise typer.Exit(1) from None
    console.print(f"{out}: {count} rows", markup=False, highlight=False)


def _write_lines(lines: Iterable[str], out: Path | None) -> None:
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
