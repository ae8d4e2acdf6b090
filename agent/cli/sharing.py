"""What leaves the site: to whom, on which terms, how much of it has left, and what was refused there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agent.cli.talk import DEFAULT_SITE, SiteArgument, SiteOption, complaints, console, plain_errors, wide_console
from agent.config.data_use import SPANS_S, Terms
from agent.core.journal import Entry

RESOLUTIONS = {span_s: name for name, span_s in SPANS_S.items()}
MOST_ENTRIES = 1_000_000


def shared(
    site: SiteArgument = DEFAULT_SITE,
    since: Annotated[datetime | None, typer.Option(help="UTC; all that the journal tells, if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as they are.")] = False,
) -> None:
    """What leaves the site: each point, to whom, for what, how finely, and how many samples have left so far.

    What left is written down once an hour and when the agent stops.
    """
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        config = load(site)
        with open_reader(config.store_path) as reader:
            entries = reader.entries(kind="shared", limit=MOST_ENTRIES)
    left = _left(entries, 0.0 if since is None else since.replace(tzinfo=since.tzinfo or UTC).timestamp())
    uses = config.data_use()
    rows = {(sink, point): terms for sink, points in uses.items() for point, terms in points.items()}
    gone: dict[tuple[str, str], Terms | None] = {key: None for key in left if key not in rows}
    table = [_row(key, terms, left[key]) for key, terms in sorted((gone | rows).items())]
    if as_json:
        console.print_json(json.dumps(table))
        return
    if not table:
        console.print("nothing leaves this site, and nothing has left it")
        return
    _show(table)
    kept = len({spec.id for spec in config.points()} - {point for _, point in rows})
    console.print(f"{kept} points stay here")


def _left(entries: Iterable[Entry], since_s: float) -> Counter[tuple[str, str]]:
    """(Sink, point) -> samples."""
    left: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.at.unix_s >= since_s:
            data: Mapping[str, Any] = entry.data
            for point, count in data["points"].items():
                left[data["sink"], point] += count
    return left


def _row(key: tuple[str, str], terms: Terms | None, left: int) -> dict[str, object]:
    sink, point = key
    told: dict[str, object] = {"recipient": sink, "point": point}
    if terms is None:
        told |= {"owner": None, "purpose": "may not leave any more", "resolution": "never", "retention_days": None}
    else:
        told |= {"owner": terms.owner, "purpose": terms.purpose, "resolution": RESOLUTIONS[terms.span_s]}
        told["retention_days"] = terms.retention_days
    return told | {"samples_left": left}


def _show(rows: list[dict[str, object]]) -> None:
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    wide_console().print(table)


def letters(
    site: SiteOption = DEFAULT_SITE,
    show: Annotated[int | None, typer.Option(help="Print what this letter says.")] = None,
    replay: Annotated[list[int] | None, typer.Option(help="Send this letter again; may be repeated.")] = None,
) -> None:
    """What a recipient refused for good: set aside, shown, and sent again when you ask for it."""
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        config = load(site)
        with open_reader(config.store_path) as reader:
            dead = {letter.id: letter for letter in reader.dead(None)}
    for letter_id in [*(replay or ()), *([] if show is None else [show])]:
        if letter_id not in dead:
            complaints.print(f"hushwatt: there is no dead letter {letter_id}", markup=False)
            raise typer.Exit(2)
    if show is not None:
        import gzip

        console.print_json(gzip.decompress(dead[show].payload).decode())
    elif replay:
        _ask_for(replay, config.store_path.parent)
    elif not dead:
        console.print("no dead letters: nothing was refused")
    else:
        table = Table("id", "refused at (UTC)", "recipient", "records", "why")
        for letter in dead.values():
            at = datetime.fromtimestamp(letter.put_unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
            records = f"{letter.first_seq} to {letter.last_seq}"
            table.add_row(str(letter.id), at, letter.sink, records, letter.reason)
        wide_console().print(table)


def _ask_for(wanted: list[int], folder: Path) -> None:
    from agent.uplink import letters as desk

    place = folder / desk.FOLDER
    try:
        for letter_id in wanted:
            desk.wish(place, letter_id)
    except OSError as fault:
        complaints.print(f"hushwatt: {place}: {fault.strerror}", markup=False)
        raise typer.Exit(1) from None
    told = (
        f"the agent sends them within {desk.LOOK_S:g} s of running; `hushwatt export --what journal` tells how it went"
    )
    console.print(told)
