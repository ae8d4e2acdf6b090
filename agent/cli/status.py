"""How the agent is, from what it last wrote."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from agent.cli.talk import DEFAULT_SITE, SiteArgument, console, plain_errors


def status(
    site: SiteArgument = DEFAULT_SITE,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as they are.")] = False,
) -> None:
    """How the agent is, from what it last wrote: mode, held points, counts, latest values."""
    from agent.board import read_board, store_figures
    from agent.config import load
    from agent.store.reader import open_reader

    with plain_errors():
        config = load(site)
        board = read_board(config.store_path.parent)
        with open_reader(config.store_path) as reader:
            stored = reader.counts()
    board["store"] = store_figures(stored, config.store.max_mb)
    board["counts"] |= {"samples_stored": stored.samples, "unsent": stored.outbox, "store_bytes": stored.bytes}
    if as_json:
        console.print_json(json.dumps(board))
        return
    _show_board(board)


def _show_board(board: dict[str, Any]) -> None:
    from agent.board import store_text

    counts = board["counts"]
    table = Table.grid(padding=(0, 2))
    table.add_row("as of", board["at"])
    table.add_row("mode", board["mode"])
    table.add_row("store", store_text(board["store"]))
    table.add_row("holds", ", ".join(board["held"]) or "nothing: every machine has its own control")
    silent = [name for name, device in board["devices"].items() if device["silent"]]
    table.add_row("devices", f"{len(board['devices'])}, silent: {', '.join(silent) or 'none'}")
    for name, value in counts.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}" if isinstance(value, float) else str(value))
    for machine, line in board["idle"].items():
        told = (
            f"{line['idle_hours']:.1f} h idle of {line['running_hours']:.1f} h running ({line['idle_ratio']:.0%}), "
            f"{line['idle_energy_kwh']:.1f} kWh of {line['energy_kwh']:.1f}, rule {line['rule']}"
        )
        table.add_row(f"idle {machine}", told)
    console.print(table)
    points = Table("point", "value", "quality", "age s")
    for name, value in board["points"].items():
        age_s, quality = board["ages_s"][name], board["quality"][name]
        points.add_row(name, "-" if value is None else f"{value:g}", quality, "-" if age_s is None else f"{age_s:.0f}")
    console.print(points)
