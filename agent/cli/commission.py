"""Commands of the day a site is set up: find units, read raw registers, report what answers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agent.cli.talk import DEFAULT_SITE, SiteArgument, SiteOption, complaints, console, plain_errors
from agent.core.points import Quality
from agent.drivers.wire import Parity, Place, SerialPlace

if TYPE_CHECKING:
    from agent.commission.probe import Probed
    from agent.commission.readings import Reading
    from agent.commission.scan import Found, Manner, Tally

SerialOption = Annotated[Path | None, typer.Option(help="A serial port such as /dev/ttyUSB0, instead of hosts.")]
BaudOption = Annotated[int, typer.Option(help="Of the serial port.", min=300, max=4_000_000)]
ParityOption = Annotated[Parity, typer.Option(help="Of the serial port.")]
StopBitsOption = Annotated[int, typer.Option(help="Of the serial port.", min=1, max=2)]
LAST_RTU_UNIT = 247
"""MODBUS over Serial Line v1.02, clause 2.2."""
MOST_SHOWN = 6
"""Other meanings of a point's registers, unless all are wanted."""


def scan(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="Hosts, or a network such as 192.168.1.0/28: 256 addresses at most.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 502,
    serial: SerialOption = None,
    baud: BaudOption = 9600,
    parity: ParityOption = "none",
    stop_bits: StopBitsOption = 1,
    is_rtu: Annotated[bool, typer.Option("--rtu", help="The hosts pass RTU frames on as they are.")] = False,
    units: Annotated[str, typer.Option(help="Such as 1-10,100.")] = "1-10",
    requests_s: Annotated[float, typer.Option("--rate", help="Requests a second, at most.", min=0.1, max=100)] = 10.0,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds for an answer.", min=0.05, max=10)] = 0.5,
    most_requests: Annotated[int, typer.Option("--most", help="Requests in all, at most.", min=1)] = 2000,
    most_s: Annotated[float, typer.Option("--seconds", help="Seconds in all, at most.", min=1)] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as they are.")] = False,
) -> None:
    """Find the Modbus units on a serial port or on some hosts, and what answers there. Nothing is written.

    Only what is named is asked: one request at a time, at a pace; of each unit a register of each table, and who it is.
    """
    from agent.commission.places import lines_of, numbers_of
    from agent.commission.scan import Manner

    with plain_errors():
        wire = SerialPlace(path=str(serial), baud=baud, parity=parity, stop_bits=stop_bits) if serial else None
        places = lines_of(hosts or [], port, "rtu" if is_rtu else "tcp", wire)
        wanted = numbers_of(units, "--units", 0 if wire is None else 1, 255 if wire is None else LAST_RTU_UNIT)
        manner = Manner(timeout_s=timeout_s, requests_s=requests_s, most_requests=most_requests, most_s=most_s)
        if not as_json:
            _tell_cost(len(places), len(wanted), manner)
        found, tally = asyncio.run(_scan(places, wanted, manner, as_json))
    if as_json:
        told = {"found": [asdict(each) for each in found], "requests": tally.requests, "missed": tally.missed}
        console.print_json(json.dumps(told))
    else:
        _tell_end(found, tally)
    raise typer.Exit(0 if found else 1)


def _tell_cost(places: int, units: int, manner: Manner) -> None:
    longest_s = min(manner.most_s, manner.longest_s(places * units))
    console.print(
        f"{places} places x {units} units: {manner.most_requests} requests and {longest_s:.0f} s at most, "
        f"{manner.requests_s:g} requests a second; nothing is written",
        highlight=False,
    )


def _tell_end(found: Sequence[Found], tally: Tally) -> None:
    console.print(f"{len(found)} units found, {tally.asked} asked, {tally.requests} requests", highlight=False)
    for missed in tally.missed:
        complaints.print(f"not asked: {missed}", markup=False)


async def _scan(
    places: Sequence[Place], units: Sequence[int], manner: Manner, is_quiet: bool
) -> tuple[list[Found], Tally]:
    from agent.commission.scan import Scanner, fitting_templates
    from agent.core.clock import SystemClock
    from agent.drivers.modbus_line import ModbusLine
    from agent.equipment.templates import template, template_names

    clock = SystemClock()
    scanner, found = Scanner(manner, clock), []
    vendors = {name: template(name)["vendor"] for name in template_names()}
    for place in places:
        line = ModbusLine(place, clock)
        try:
            async for each in scanner.scan(line, units):
                found.append(each)
                if not is_quiet:
                    _show_found(each, fitting_templates(each, vendors))
        finally:
            line.close()
    return found, scanner.tally


def _show_found(found: Found, templates: Sequence[str]) -> None:
    tables = ", ".join(f"{table} {said}" for table, said in found.tables.items())
    who = ", ".join(f"{name} {value}" for name, value in found.identity.items()) or "does not say who it is"
    hint = f"; templates of this maker: {', '.join(templates)}" if templates else ""
    console.print(f"{found.place} unit {found.unit}: {who}{hint}", markup=False, highlight=False)
    console.print(f"    {tables}", markup=False, highlight=False)


def probe(
    device: Annotated[
        str, typer.Argument(help="A device of the config, or a place: 192.168.1.20:502/1, /dev/ttyUSB0/1.")
    ],
    site: SiteOption = DEFAULT_SITE,
    baud: BaudOption = 9600,
    parity: ParityOption = "none",
    stop_bits: StopBitsOption = 1,
    registers: Annotated[
        str | None, typer.Option(help="A range such as 0-40, instead of the device's own points.")
    ] = None,
    table: Annotated[Literal["holding", "input", "coil", "discrete"], typer.Option(help="Of the range.")] = "holding",
    as_unit: Annotated[str | None, typer.Option("--as", help="The unit that is looked for, such as degC.")] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also the meanings that make no sense.")] = False,
) -> None:
    """Raw registers, what the config makes of them, and every type and byte order that makes sense of them.

    What no working machine shows of its unit is marked. Nothing is written.
    """
    with plain_errors():
        try:
            wire = SerialPlace(path="", baud=baud, parity=parity, stop_bits=stop_bits)
            asyncio.run(_probe(device, site, wire, registers, table, as_unit, show_all))
        except KeyboardInterrupt:
            raise typer.Exit from None


async def _probe(
    device: str,
    site: Path,
    wire: SerialPlace,
    registers: str | None,
    table: Literal["holding", "input", "coil", "discrete"],
    as_unit: str | None,
    show_all: bool,
) -> None:
    from agent.commission.places import known_unit, span_of
    from agent.commission.probe import probe_points, probe_range
    from agent.commission.target import target_of
    from agent.core.clock import SystemClock

    known_unit(as_unit)
    target = target_of(device, site, wire, SystemClock(), needs_site=registers is None)
    try:
        if registers is None:
            await _show(probe_points(target.unit, target.points), show_all)
        else:
            first, last = span_of(registers)
            most = target.most
            await _show(probe_range(target.unit, table, first, last, most=most, as_unit=as_unit), show_all)
    finally:
        target.line.close()


async def _show(probed: AsyncIterator[Probed], show_all: bool) -> None:
    """As it comes: a slow device should not leave one waiting for the last register."""
    async for each in probed:
        for line in _lines(each, show_all):
            console.print(line, markup=False, highlight=False)


def _lines(each: Probed, show_all: bool) -> Iterator[str]:
    if each.trouble:
        yield f"{each.what}  {each.trouble}"
        return
    meanings = [f"{reading}{'' if reading.is_plausible else ' (no)'}" for reading in _worth(each, show_all)]
    if not each.told:
        yield f"{each.what}  {each.words[0]:04x}  {'; '.join(meanings)}"
        return
    value = "none" if each.value is None or each.quality == Quality.BAD else f"{each.value:g} {each.unit}"
    sense = "" if each.is_usual else "   MAKES NO SENSE"
    yield f"{each.what}  {each.place}  {each.hex}  {each.told} = {value}{sense}"
    if meanings:
        shown = meanings if show_all else meanings[:MOST_SHOWN]
        yield f"    could be: {'; '.join(shown)}"


def _worth(each: Probed, show_all: bool) -> list[Reading]:
    """What is worth a look: where the config's reading makes sense, only others that take all of the registers."""
    if show_all:
        return list(each.readings)
    plausible = [reading for reading in each.readings if reading.is_plausible]
    if not each.is_usual:
        return plausible
    return [r for r in plausible if r.width == len(each.words) and not math.isclose(r.value, each.value or 0.0)]


def acceptance(
    site: SiteArgument = DEFAULT_SITE,
    out: Annotated[
        Path | None, typer.Option(help="A file; HTML when it ends in .html. Standard output if left out.")
    ] = None,
    write_test: Annotated[
        list[str] | None,
        typer.Option(help="POINT=VALUE: write it through the gate, read it back, let it go. May be repeated."),
    ] = None,
    listen_s: Annotated[float, typer.Option("--listen", help="Seconds to wait for MQTT messages.", min=0.5)] = 5.0,
) -> None:
    """A report of one site: each device and point with value, age, quality and limits, and all that is missing.

    Ends with exit code 1 unless all is well. Nothing is written but what `--write-test` names.
    """
    from agent.commission.places import wishes_of
    from agent.config import load

    with plain_errors():
        config = load(site)
        wishes = wishes_of(write_test or [], config)
        told, is_well = asyncio.run(_accept(site, wishes, listen_s, is_html=out is not None and out.suffix == ".html"))
    try:
        if out is None:
            console.print(told, markup=False, highlight=False)
        else:
            out.write_text(told, "utf-8")
    except OSError as fault:
        complaints.print(f"hushwatt: cannot write {out}: {fault.strerror}", markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if is_well else 1)


async def _accept(site: Path, wishes: dict[str, float], listen_s: float, *, is_html: bool) -> tuple[str, bool]:
    from agent.commission.acceptance import accept
    from agent.commission.look import visit
    from agent.commission.write_test import try_writes
    from agent.config import load
    from agent.core.clock import SystemClock

    clock = SystemClock()
    async with visit(load(site), clock, listen_s=listen_s) as guest:
        tested = await try_writes(guest, wishes, clock) if wishes else []
        report = accept(site, guest, tested, clock)
    return report.document.html() if is_html else report.document.markdown(), report.is_well
