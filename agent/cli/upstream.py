"""What left the site, and what a receiver would not take."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from agent.cli.talk import DEFAULT_SITE, SiteArgument, complaints, console, plain_errors
from agent.core.journal import Entry

if TYPE_CHECKING:
    from agent.config import SiteConfig
    from agent.store.records import DeadLetter

ENTRIES = 100_000
"""Of the journal, the newest; one a sink and hour."""
SEND_S = 30.0


@dataclass(slots=True)
class _Left:
    """Of one point to one sink."""

    samples: int = 0
    hours: list[float] = field(default_factory=list)


def shared(
    site: SiteArgument = DEFAULT_SITE,
    point: Annotated[list[str] | None, typer.Option("--point", help="A point id; may be repeated.")] = None,
) -> None:
    """What left the site: samples by point and receiver, since when, whose they are and for what."""
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        config = load(site)
        with open_reader(config.store_path) as reader:
            entries = reader.entries(kind="shared", limit=ENTRIES)
    left = _counted(entries, point)
    if not left:
        console.print("nothing has left this site yet, as far as its journal says")
        return
    uses = config.data_use()
    table = Table("to", "point", "samples", "first, UTC", "last, UTC", "owner", "purpose", "may keep, days")
    for (sink, name), told in sorted(left.items()):
        terms = uses.get(sink, {}).get(name)
        words = ("not shared any more", "", "") if terms is None else (terms.owner, terms.purpose, _days(terms))
        table.add_row(sink, name, f"{told.samples:,}", _hour(min(told.hours)), _hour(max(told.hours)), *words)
    console.print(table)
    sent = Counter[str]()
    for entry in entries:
        sent[str(entry.data["sink"])] += int(entry.data["bytes"])  # type: ignore[call-overload]
    for sink, size in sent.items():
        console.print(f"{sink}: {size / 1e6:.2f} MB", markup=False, highlight=False)


def _counted(entries: Iterable[Entry], wanted: list[str] | None) -> dict[tuple[str, str], _Left]:
    left: dict[tuple[str, str], _Left] = {}
    for entry in entries:
        points: dict[str, int] = entry.data["points"]  # type: ignore[assignment]
        for name, count in points.items():
            if not wanted or name in wanted:
                told = left.setdefault((str(entry.data["sink"]), name), _Left())
                told.samples += count
                told.hours.append(entry.at.unix_s)
    return left


def _hour(unix_s: float) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M}"


def _days(terms: object) -> str:
    days = getattr(terms, "retention_days", None)
    return "-" if days is None else f"{days:g}"


def dead(
    site: SiteArgument = DEFAULT_SITE,
    again: Annotated[
        list[int] | None, typer.Option("--again", help="Send this one again, by its number; may be repeated.")
    ] = None,
) -> None:
    """Batches that a receiver refused for good: they were set aside and held up nothing. They can be sent again."""
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        config = load(site)
        with open_reader(config.store_path) as reader:
            letters = reader.dead(None)
    if again:
        _send_again(config, letters, again)
        return
    if not letters:
        console.print("no receiver has refused anything")
        return
    table = Table("number", "to", "records", "set aside, UTC", "why", "bytes")
    for letter in letters:
        records = f"{letter.first_seq} to {letter.last_seq}"
        size = str(len(letter.payload))
        table.add_row(str(letter.id), letter.sink, records, _hour(letter.put_unix_s), letter.reason, size)
    console.print(table)


def _send_again(config: SiteConfig, letters: list[DeadLetter], numbers: list[int]) -> None:
    known = {letter.id: letter for letter in letters}
    if missing := [number for number in numbers if number not in known]:
        complaints.print(f"hushwatt: there is no batch {missing[0]}; `hushwatt dead` lists them", markup=False)
        raise typer.Exit(2)
    with plain_errors():
        for number in numbers:
            asyncio.run(_deliver(config, known[number]))
            console.print(f"batch {number} was taken by {known[number].sink}", markup=False, highlight=False)


async def _deliver(config: SiteConfig, letter: DeadLetter) -> None:
    """Under a name of its own, so that a running agent keeps its connection. Raises OperatingError."""
    from agent.commission.look import as_guest
    from agent.core.clock import SystemClock
    from agent.core.errors import BrokerError
    from agent.store.letters import drop_letter
    from agent.uplink.columns import decode
    from agent.uplink.registry import Place, make_sink

    guest = as_guest(config)
    told = guest.upstream.all_sinks().get(letter.sink) if guest.upstream else None
    if told is None:
        raise BrokerError(f"{letter.sink} is no sink of this site any more")
    points = tuple(guest.data_use()[letter.sink])
    place = Place(
        site=config.site.name, gateway=config.site.gateway, newest=lambda: letter.last_seq, clock=SystemClock(),
        brokers=guest.brokers, points=points,
    )  # fmt: skip
    sink = make_sink(letter.sink, told, place)
    running = asyncio.ensure_future(sink.run())
    try:
        async with asyncio.timeout(SEND_S):
            await sink.ready()
            await sink.send(decode(letter.payload).parcel)
    except TimeoutError:
        raise BrokerError(f"{letter.sink} took nothing within {SEND_S:g} s") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    drop_letter(Path(config.store_path), letter.id)
