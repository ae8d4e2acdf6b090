"""The coming day as the planner sees it, drawn in the terminal from what the store keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.talk import DEFAULT_SITE, SiteOption, complaints, console, plain_errors
from agent.core.journal import Entry

BARS = " ▁▂▃▄▅▆▇█"
MACHINES_MOST = 200


def plan(
    machine: Annotated[str | None, typer.Argument(help="One machine; all that are planned if left out.")] = None,
    site: SiteOption = DEFAULT_SITE,
) -> None:
    """Draw the plan of the coming 24 hours by machine: what is wished, what it takes, what it is expected to save."""
    from agent.app import store_path
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        offset_h = load(site).site.utc_offset_h
        with open_reader(store_path(site)) as reader:
            entries = reader.entries(kind="plan", subject=machine, limit=MACHINES_MOST)
            effects = reader.entries(kind="effect", subject=machine, limit=24 * MACHINES_MOST)
    if not entries:
        who = "no machine" if machine is None else f"`{machine}`, or no machine of that name,"
        complaints.print(f"hushwatt: {who} has been planned yet: the rules run, or it is still being learned")
        raise typer.Exit(1)
    newest = {entry.subject: entry for entry in reversed(entries)}
    for name in sorted(newest):
        _draw(newest[name], [entry for entry in effects if entry.subject == name][:24], offset_h)


def _draw(entry: Entry, effects: Sequence[Entry], offset_h: float) -> None:
    data: dict[str, Any] = dict(entry.data)
    first_h = int((entry.at.unix_s + offset_h * 3600.0) % 86_400.0 // 3600.0)
    console.print(f"[bold]{entry.subject}[/bold]  planned {entry.at.iso()}", highlight=False)
    table = Table.grid(padding=(0, 1))
    table.add_row("", Text(_hours(first_h), style="dim"), "")
    for name, told in data["series"].items():
        values = told["values"]
        low, high = min(values), max(values)
        span = f"{low:g}" if low == high else f"{low:g} .. {high:g}"
        table.add_row(name.replace("_", " "), Text(bars(values)), f"{span} {told['unit']}")
    console.print(table, highlight=False)
    for line in _said(data, effects):
        console.print(f"  {line}", markup=False, highlight=False)
    console.print()


def bars(values: Sequence[float]) -> str:
    """Two columns an hour, between the lowest and the highest value."""
    low, high = min(values), max(values)
    steps = len(BARS) - 2
    height = [1 + round(steps * (value - low) / (high - low)) if high > low else 4 for value in values]
    return "".join(BARS[h] * 2 for h in height)


def _hours(first_h: int) -> str:
    """The hour under each sixth column, local time."""
    return "".join(f"{(first_h + n) % 24:02d}" + " " * 4 if n % 3 == 0 else "" for n in range(24))


def _said(data: dict[str, Any], effects: Sequence[Entry]) -> list[str]:
    expects: dict[str, float] = dict(data["expects"])
    lines = [data["reason"]] if data["reason"] else []
    if "saving_kwh" in expects:
        lines.append(
            f"expected to save {expects['saving_kwh']:.1f} kWh of the baseline's day ({expects['saving_pct']:.0f} %)"
        )
    if "cost_hold" in expects:
        lines.append(
            f"cost: best {expects['cost_best']:.1f}, baseline {expects['cost_baseline']:.1f}, "
            f"hold {expects['cost_hold']:.1f}"
        )
    if data["limits"]:
        lines.append(f"bound by {', '.join(data['limits'])}")
    if effects:
        foretold = sum(float(str(entry.data["foretold_kwh"])) for entry in effects)
        measured = sum(float(str(entry.data["measured_kwh"])) for entry in effects)
        lines.append(f"the last {len(effects)} hours: {foretold:.0f} kWh foretold, {measured:.0f} kWh measured")
    return lines
