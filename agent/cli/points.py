"""Live values with their age and quality, and what reading them costs."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

from agent.cli.talk import DEFAULT_SITE, SiteArgument, console, plain_errors, wide_console

if TYPE_CHECKING:
    from agent.commission.look import Line
    from agent.config import SiteConfig

Found = tuple[str, "Sequence[Line]"]
"""Where the lines come from, in a sentence, and the lines."""
STYLES = {"GOOD": "", "UNCERTAIN": "yellow", "STALE": "yellow", "BAD": "red", "MISSING": "bold red"}


def points(
    site: SiteArgument = DEFAULT_SITE,
    only: Annotated[str, typer.Option(help="Points whose id has this in it, such as an equipment.")] = "",
    ask: Annotated[bool, typer.Option("--ask", help="Ask the devices, even where an agent has just written.")] = False,
    watch: Annotated[float | None, typer.Option(help="Refresh each so many seconds, until Ctrl-C.", min=0.5)] = None,
    plan: Annotated[bool, typer.Option("--plan", help="The requests of one poll of each Modbus device.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as they are.")] = False,
) -> None:
    """Every point's value, age and quality: from what the agent last wrote, or by asking each device once.

    Nothing is written to any device.
    """
    from agent.config import load

    with plain_errors():
        config = load(site)
        if plan:
            _show_plan(config, only, as_json)
            return
        try:
            asyncio.run(_run(config, only, ask, watch, as_json))
        except KeyboardInterrupt:
            raise typer.Exit from None


async def _run(config: SiteConfig, only: str, ask: bool, watch: float | None, as_json: bool) -> None:
    looks = _asked(config, watch) if ask or not _is_written(config.store_path.parent) else _written(config, watch)
    if watch is None or as_json:
        async for found in looks:
            _print(found, only, as_json)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        async for found in looks:
            live.update(_table(found, only), refresh=True)


def _is_written(folder: Path) -> bool:
    from agent.board import read_board
    from agent.core.errors import StoreError

    try:
        read_board(folder)
    except StoreError:
        return False
    return True


async def _written(config: SiteConfig, watch: float | None) -> AsyncIterator[Found]:
    """From the agent's board; ages go on while it stands still."""
    from agent.board import read_board
    from agent.core.clock import SystemClock

    while True:
        board = read_board(config.store_path.parent)
        since_s = max(0.0, SystemClock().read().unix_s - board["unix_s"]) if config.clock.kind == "system" else 0.0
        yield f"as the agent wrote at {board['at']}, {since_s:.0f} s ago", _of_board(config, board, since_s)
        if watch is None:
            return
        await asyncio.sleep(watch)


def _of_board(config: SiteConfig, board: dict[str, Any], since_s: float) -> list[Line]:
    """The config names the points: one that the agent does not know yet is shown as missing."""
    from agent.commission.look import Line, standing

    devices = {point: name for name, device in config.devices.items() for point in device.points}
    lines = []
    for spec in config.points():
        told = board["ages_s"].get(spec.id)
        age_s = math.nan if told is None else told + since_s
        lines.append(
            Line(
                point=spec.id,
                device=devices[spec.id],
                unit=spec.unit,
                value=board["points"].get(spec.id),
                quality=standing(board["quality"].get(spec.id, "BAD"), age_s, spec.fresh_s),
                age_s=None if told is None else age_s,
            )
        )
    return lines


async def _asked(config: SiteConfig, watch: float | None) -> AsyncIterator[Found]:
    from agent.commission.look import lines, visit
    from agent.core.clock import SystemClock

    async with visit(config, SystemClock()) as guest:
        while True:
            silent = [answer for answer in guest.answers.values() if answer.trouble]
            said = "".join(f"; {answer.device}: {answer.trouble}" for answer in silent)
            yield f"asked just now{said}", lines(config, guest.image)
            if watch is None:
                return
            await asyncio.sleep(watch)
            await guest.ask()


def _print(found: Found, only: str, as_json: bool) -> None:
    if not as_json:
        wide_console().print(_table(found, only))
        return
    keys = ("point", "device", "value", "unit", "quality", "age_s")
    told = [{key: getattr(line, key) for key in keys} for line in found[1] if only in line.point]
    console.print_json(json.dumps({"from": found[0], "points": told}))


def _table(found: Found, only: str) -> Table:
    table = Table(title=found[0], title_justify="left")
    for name in ("point", "value", "unit", "quality", "age s", "device"):
        table.add_column(name, justify="right" if name in ("value", "age s") else "left")
    for line in found[1]:
        if only in line.point:
            value = "-" if line.value is None else f"{line.value:g}"
            age = "-" if line.age_s is None else f"{line.age_s:.0f}"
            table.add_row(line.point, value, line.unit, line.quality, age, line.device, style=STYLES[line.quality])
    return table


def _show_plan(config: SiteConfig, only: str, as_json: bool) -> None:
    from agent.commission.plan import costs_of

    told = costs_of(config, only)
    if as_json:
        console.print_json(json.dumps([cost.figures() for cost in told]))
        return
    table = Table("device", "request", "points", title="the requests of one poll", title_justify="left")
    for cost in told:
        for request, names in cost.requests:
            table.add_row(cost.device, request, str(len(names)))
    wide_console().print(table)
    asked, points = sum(len(cost.requests) for cost in told), sum(cost.points for cost in told)
    saved = 1.0 - asked / points if points else 0.0
    console.print(f"{points} points in {asked} requests: {points - asked} ({saved:.0%}) fewer than one a point")
