"""One page that says what of a site answers, how well, and what does not: for the day on which it is handed over."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent import __version__
from agent.board import read_board
from agent.commission.document import Document, Part
from agent.commission.look import Line, Visit, count, lines
from agent.commission.readings import is_usual, usual_of
from agent.commission.write_test import Tested
from agent.config import check
from agent.config.sinks import AnySink
from agent.core.clock import CLOCK_SET_AFTER_UNIX_S, Clock
from agent.core.errors import StoreError
from agent.core.limits import Limit
from agent.equipment.templates import template, template_names
from agent.store.reader import open_reader

SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
"""There once systemd-timesyncd has set the clock (systemd-timesyncd.service(8))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What was found."""

    document: Document
    is_well: bool
    """Every device answered, every point is good and of a usual size, every write test was confirmed."""


def accept(site: Path, visit: Visit, tested: Sequence[Tested], clock: Clock) -> Acceptance:
    """The report of a site that was just visited."""
    seen = lines(visit.config, visit.image)
    odd = [line for line in seen if line.is_well and not _is_usual(line)]
    bad = [line for line in seen if not line.is_well]
    silent = [answer for answer in visit.answers.values() if answer.trouble]
    is_linked = all(connection.is_up for connection in visit.sinks.values())
    is_well = not (bad or odd or silent) and all(test.is_well for test in tested) and is_linked
    parts = (
        Part(heading="Result", sentences=tuple(_result(visit, seen, odd, silent, tested, is_well, clock))),
        Part(
            heading="Not well",
            columns=("point", "device", "what", "value", "unit"),
            rows=tuple(_wrong(visit, line) for line in (*bad, *odd)),
        ),
        Part(heading="Devices", columns=DEVICES, rows=tuple(_devices(visit, seen))),
        Part(heading="Points", columns=POINTS, rows=tuple(_point(line) for line in seen)),
        Part(heading="Write tests", sentences=NO_TESTS if not tested else (), columns=TESTS if tested else (),
             rows=tuple(_tested(test) for test in tested)),
        Part(heading="What the drivers said", sentences=tuple(visit.book.texts) or ("nothing",)),
        Part(heading="Clock", sentences=tuple(_clock(clock))),
        Part(heading="Store", sentences=tuple(_store(visit.config.store_path))),
        Part(heading="Upstream", sentences=tuple(_upstream(visit))),
        Part(heading="Config", sentences=tuple(_config(site))),
        Part(heading="Accepted", columns=("", "name", "date", "signature"),
             rows=(("for the site", "", "", ""), ("for the installer", "", "", ""))),
    )  # fmt: skip
    name = f"Acceptance of {visit.config.site.name}, gateway {visit.config.site.gateway}"
    return Acceptance(document=Document(title=name, parts=parts), is_well=is_well)


DEVICES = ("device", "driver", "where", "template", "answered", "points", "good", "not good")
POINTS = ("point", "value", "unit", "quality", "age s", "usual size", "may be written", "let go to", "who said so")
TESTS = ("point", "before", "wished", "judged", "written", "read back", "let go")
NO_TESTS = ("None was asked for (`--write-test`), and nothing was written.",)


def _result(
    visit: Visit,
    seen: Sequence[Line],
    odd: Sequence[Line],
    silent: Sequence[Any],
    tested: Sequence[Tested],
    is_well: bool,
    clock: Clock,
) -> Iterator[str]:
    counts = count(seen)
    yield f"{'ALL WELL' if is_well else 'NOT ALL WELL'}, seen at {clock.read().iso()} by hushwatt {__version__}."
    yield f"{counts['GOOD']} of {len(seen)} points are good; " + ", ".join(
        f"{number} {name.lower()}" for name, number in counts.items() if name != "GOOD"
    )
    yield f"{len(odd)} good points have a value of an unusual size."
    asked = len(visit.answers)
    yield f"{asked - len(silent)} of {asked} devices answered" + (
        ": silent are " + ", ".join(answer.device for answer in silent) if silent else "."
    )
    if tested:
        yield f"{sum(test.is_well for test in tested)} of {len(tested)} write tests were confirmed and let go."


def _is_usual(line: Line) -> bool:
    return line.value is not None and is_usual(line.unit, line.value, line.point.partition(".")[2])


def _wrong(visit: Visit, line: Line) -> tuple[str, ...]:
    trouble = visit.answers[line.device].trouble
    what = f"{line.quality}: {trouble}" if trouble else line.quality
    if line.is_well:
        low, high = usual_of(line.unit, line.point.partition(".")[2])
        what = f"unusual: {low:g} to {high:g} {line.unit} are expected"
    elif line.quality == "BAD" and not trouble:
        said = next((text for text in visit.book.texts if line.point in text), "")
        what = f"BAD: {said}" if said else "BAD: the device says that it has none"
    return line.point, line.device, what, _number(line.value), line.unit


def _devices(visit: Visit, seen: Sequence[Line]) -> Iterator[tuple[str, ...]]:
    for name, device in visit.config.devices.items():
        own = [line for line in seen if line.device == name]
        good = sum(line.is_well for line in own)
        answer = visit.answers[name]
        answered = f"in {answer.took_s:.2f} s" if not answer.trouble else f"NO: {answer.trouble}"
        yield (
            name,
            device.driver,
            place_of(device),
            _template(device.template),
            answered,
            str(len(own)),
            str(good),
            str(len(own) - good),
        )


def place_of(device: Any) -> str:
    """Where a device is, in a few words."""
    if device.driver == "modbus":
        return f"{device.serial or f'{device.host}:{device.port}'} unit {device.unit}"
    return f"broker {device.broker}" if device.driver == "mqtt" else "this process"


def _template(name: str | None) -> str:
    if name is None:
        return "none"
    is_example = name in template_names() and template(name).get("example")
    return f"{name} (an example, no product)" if is_example else name


def _point(line: Line) -> tuple[str, ...]:
    usual = "" if line.value is None else "yes" if _is_usual(line) else "NO"
    age = "never seen" if line.age_s is None else f"{line.age_s:.0f}"
    return (
        line.point,
        _number(line.value),
        line.unit,
        line.quality,
        age,
        usual,
        *_limit(line.limit),
    )


def _limit(limit: Limit | None) -> tuple[str, str, str]:
    if limit is None:
        return "no", "", ""
    return f"{limit.low:g} to {limit.high:g}", str(limit.release), limit.source


def _tested(test: Tested) -> tuple[str, ...]:
    verdict = test.verdict
    value = "" if verdict.command is None else f" {_number(verdict.command.value)}"
    judged = f"{verdict.kind}{value} ({verdict.rule})"
    written, released = test.written, test.released
    return (
        verdict.wish.point,
        _number(test.before),
        _number(verdict.wish.value),
        judged,
        "not written" if written is None else " ".join((written.kind, written.detail)).strip(),
        "" if written is None else _number(written.read_back),
        "" if released is None else " ".join((released.kind, released.detail)).strip(),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _clock(clock: Clock) -> Iterator[str]:
    now = clock.read()
    since = datetime.fromtimestamp(CLOCK_SET_AFTER_UNIX_S, UTC).date()
    yield f"{now.iso()}, {'believed' if now.is_set else f'NOT SET: before {since}; samples are UNCERTAIN until it is'}"
    synchronized = SYNCHRONIZED.exists()
    yield f"set over the network by systemd-timesyncd: {'yes' if synchronized else 'not that this machine says so'}"


def _store(path: Path) -> Iterator[str]:
    folder = next(parent for parent in (path.parent, *path.parent.parents) if parent.exists())
    free = shutil.disk_usage(folder)
    yield f"{path}, {free.free / 1e9:.1f} GB of {free.total / 1e9:.1f} GB free"
    try:
        with open_reader(path) as reader:
            counts, first_unix_s = reader.counts(), reader.first_unix_s()
    except StoreError as fault:
        yield f"NOTHING STORED YET: {fault}"
        return
    first = "none" if first_unix_s is None else datetime.fromtimestamp(first_unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield f"{counts.samples} samples stored, the first at {first}; {counts.bytes / 1e6:.1f} MB; {counts.dropped} lost"


def _upstream(visit: Visit) -> Iterator[str]:
    config = visit.config.upstream
    if config is None or not config.all_sinks():
        yield "NONE: nothing leaves this site"
        return
    uses = visit.config.data_use()
    for name, sink in config.all_sinks().items():
        yield f"{name}: {_link(visit, name, sink)}; {len(uses[name])} of {len(visit.table)} points may leave"
    try:
        board = read_board(visit.config.store_path.parent)
    except StoreError:
        yield "no agent has run here yet: nothing was ever acknowledged"
        return
    waiting = ", ".join(f"{told['waiting']} for {name}" for name, told in board["upstream"].items())
    yield f"the agent last showed at {board['at']}, records waiting: {waiting}"


def _link(visit: Visit, name: str, sink: AnySink) -> str:
    if name not in visit.sinks:
        return f"{sink.kind}, not tried from here"
    connection = visit.sinks[name]
    return f"{connection.place}: {'connected' if connection.is_up else 'NOT CONNECTED'}"


def _config(site: Path) -> Iterator[str]:
    yield f"{site}, SHA-256 {hashlib.sha256(site.read_bytes()).hexdigest()}"
    report = check(site)
    yield from (f"to mend: {problem}" for problem in report.problems)
    yield from (f"note: {note}" for note in report.notes)
