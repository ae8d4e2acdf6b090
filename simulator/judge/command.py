"""`hushwatt score`: controllers on one scenario over many seeds, side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agent.core.errors import ConfigError, OperatingError
from simulator.judge.kpi import write_atomically
from simulator.judge.oracle import Budget
from simulator.judge.score import Question, Scorecard, ask
from simulator.judge.score import score as run_score
from simulator.judge.table import tables

console = Console(soft_wrap=True, highlight=False)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)


def score(
    scenario: Annotated[str, typer.Argument(metavar="NAME", help="A scenario's name or the path of its file.")],
    controller: Annotated[
        list[str] | None,
        typer.Option(help="hold, baseline, planner or oracle; may be repeated. Without: hold, baseline, planner."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many dice: each is another building with its own days.")] = 3,
    seed: Annotated[int | None, typer.Option(help="The first of them; the scenario's own if left out.")] = None,
    days: Annotated[int | None, typer.Option(help="Judged days.")] = None,
    learn_days: Annotated[int | None, typer.Option(help="Days on the building's own control before these.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; one a core if left out.")] = None,
    generations: Annotated[int, typer.Option(min=1, max=500, help="Of the oracle's search, a day.")] = 12,
    worlds: Annotated[int, typer.Option(min=8, max=1024, help="Of the oracle's search, side by side.")] = 128,
    out: Annotated[Path | None, typer.Option(help="Folder for score.json, score.html and the charts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON on standard output.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when an expectation is not met.")] = False,
) -> None:
    """Score controllers on a simulated site: energy, idle hours, comfort, waiting, cost and carbon, over many seeds."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        question = ask(
            scenario,
            controller or ["hold", "baseline", "planner"],
            seeds,
            first_seed=seed,
            days=days,
            learn_days=learn_days,
            budget=Budget(worlds=worlds, generations=generations),
        )
        if out is not None:
            _make(out)
        card, ran = _watched(question, jobs or os.cpu_count() or 1)
        if out is not None:
            _write(card, ran, out)
    except ConfigError as wrong:
        for problem in wrong.problems:
            complaints.print(f"hushwatt: {problem}", markup=False)
        raise typer.Exit(2) from None
    except OperatingError as wrong:
        complaints.print(f"hushwatt: {wrong}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complaints.print("hushwatt: stopped; nothing was written, no process is left", markup=False)
        raise typer.Exit(130) from None
    except OSError as wrong:
        complaints.print(f"hushwatt: {wrong.filename or out}: {wrong.strerror or wrong}", markup=False)
        raise typer.Exit(2) from None
    _tell(card, ran, as_json, out)
    if strict and not card.is_met:
        raise typer.Exit(1)


def _make(folder: Path) -> None:
    """Before hours are spent: can we write there at all? Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".writable"
    probe.touch()
    probe.unlink()


def _watched(question: Question, jobs: int) -> tuple[Scorecard, dict[str, Any]]:
    """With a bar, on a terminal."""
    began_at, began_s = datetime.now(UTC), time.perf_counter()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(40),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=complaints,
        transient=True,
        disable=not complaints.is_terminal,
    )
    with bar:
        work = sum(task.work for task in question.tasks(jobs))
        runs = len(question.seeds) * len(question.controllers)
        place = bar.add_task(f"{runs} runs of {question.plan.name}", total=work)
        card = run_score(question, jobs, lambda done: bar.advance(place, done))
    ran = {
        "at": began_at.isoformat(timespec="seconds"),
        "took_s": round(time.perf_counter() - began_s, 1),
        "jobs": jobs,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return card, ran


def _as_json(card: Scorecard, ran: dict[str, Any]) -> str:
    """`ran` is the only block that differs from one run to the next."""
    return json.dumps(card.as_dict() | {"ran": ran}, indent=1, allow_nan=False) + "\n"


def _write(card: Scorecard, ran: dict[str, Any], out: Path) -> None:
    """Figures first: a picture that fails must not cost them. Raises OSError."""
    from simulator.judge.report import page

    write_atomically(out / "score.json", _as_json(card, ran))
    drawn = {}
    if importlib.util.find_spec("matplotlib"):
        from simulator.judge.charts import draw_all, save

        drawn = draw_all(card)
        save(drawn, out)
    else:
        complaints.print("hushwatt: no pictures, for matplotlib is missing: install hushwatt[simulator]", markup=False)
    write_atomically(out / "score.html", page(card, drawn))


def _tell(card: Scorecard, ran: dict[str, Any], as_json: bool, out: Path | None) -> None:
    if as_json:
        typer.echo(_as_json(card, ran), nl=False)
        return
    console.print(tables(card), soft_wrap=False)
    console.print(f"took {ran['took_s']:g} s in {ran['jobs']} processes", style="dim")
    if out is not None:
        console.print(f"see {out / 'score.html'}, figures in {out / 'score.json'}", style="dim", markup=False)
