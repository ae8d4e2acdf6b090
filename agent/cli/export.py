"""Samples and the journal as text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from agent.cli.talk import DEFAULT_SITE, SiteArgument, complaints, plain_errors
from agent.core.journal import Entry


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

    with plain_errors(), open_reader(store_path(site)) as reader:
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
