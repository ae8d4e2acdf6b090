"""`hushwatt simulate`: a building to try the agent on, served on loopback."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from agent.core.errors import ConfigError, OperatingError, Problem
from simulator import scenarios
from simulator.plant import Plant
from simulator.wires.broker import HOST, Broker
from simulator.wires.devices import serve
from simulator.wires.fault_text import FORM, known_of, parse
from simulator.wires.malice import Malice
from simulator.wires.session import Session
from simulator.wires.wire import Manner, Wire
from simulator.world import World

ENERGYPLUS = "energyplus-"
DEFAULT_SPEED = 60.0
"""Of a free run, simulated s per s: a wire step of 300 s comes every 5 s."""
console = Console(soft_wrap=True, highlight=False)
complaints = Console(stderr=True, soft_wrap=True, highlight=False)


def simulate(
    scenario: Annotated[
        str, typer.Argument(help="A scenario's name or file, or energyplus-office-chicago and the like.")
    ] = "office-tower",
    modbus_port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 0,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Draws building, weather, people, load and traffic.")] = None,
    start: Annotated[str | None, typer.Option(help="A date such as 2019-07-01.")] = None,
    days: Annotated[int | None, typer.Option(help="Judged days.")] = None,
    learn_days: Annotated[int | None, typer.Option(help="Days on the building's own control before these.")] = None,
    step_s: Annotated[int | None, typer.Option(help="Seconds between two looks from outside.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Simulated s per s; 60 if left out.")] = None,
    lockstep: Annotated[float | None, typer.Option(min=0.001, help="Wait so many s for each acknowledgement.")] = None,
    skip_learning: Annotated[bool, typer.Option(help="Let the learning days pass before the doors open.")] = False,
    control_while_learning: Annotated[bool, typer.Option(help="Obey commands in the learning days too.")] = False,
    watchdog_h: Annotated[float, typer.Option(min=0.001, help="Silent simulated hours until all is released.")] = 6.0,
    noise: Annotated[float | None, typer.Option(min=0.0, help="On temperatures, K; else the scenario's.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help=f"{FORM}, hours since the start; may be repeated.")] = None,
    latency_ms: Annotated[float, typer.Option(min=0.0, help="Every Modbus answer takes so long, on the wall.")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(min=0.0, help="And up to so much more.")] = 0.0,
    rtu: Annotated[bool, typer.Option(help="Serve the machines on a serial line too; OUT/rtu leads to it.")] = False,
    baud: Annotated[int | None, typer.Option(min=1200, help="Pace of that line; else unpaced.")] = None,
    products: Annotated[bool, typer.Option(help="Serve machines as the products of the templates.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of results.")] = Path("simulation"),
    prefix: Annotated[str, typer.Option(help="Of the MQTT topics.")] = "plant",
    upstream: Annotated[bool, typer.Option(help="Keep what a gateway sends upstream.")] = True,
    exit_when_done: Annotated[bool, typer.Option(help="End after the last step instead of serving it on.")] = False,
) -> None:
    """Serve a simulated building on Modbus TCP and MQTT, for an agent to run."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        _check_prefix(prefix)
        site = _site(scenario, seed, start, days, learn_days, step_s, fault or (), skip_learning, products)
        plant = site.plant
        manner = Manner(
            speed=DEFAULT_SPEED if speed is None and lockstep is None else speed,
            lockstep_s=lockstep,
            watchdog_h=watchdog_h,
            skip_learning=skip_learning,
            control_while_learning=control_while_learning,
        )
        malice = Malice(
            faults=plant.faults,
            noise_k=plant.noise_k if noise is None else noise,
            latency_ms=latency_ms,
            jitter_ms=jitter_ms,
            seed=site.seed,
        )
        session = Session(
            plant=plant,
            latitude=site.latitude,
            folder=out,
            manner=manner,
            malice=malice,
            site=site.name,
            modbus_port=modbus_port,
            mqtt_port=mqtt_port,
            prefix=prefix,
            upstream=upstream,
            rtu=rtu,
            baud=baud,
            products={} if products else None,
            exit_when_done=exit_when_done,
        )
        try:
            asyncio.run(_until_told(session))
        finally:
            site.close()
    except ConfigError as wrong:
        for problem in wrong.problems:
            complaints.print(f"hushwatt: {problem}", markup=False)
        raise typer.Exit(2) from None
    except OperatingError as wrong:
        complaints.print(f"hushwatt: {wrong}", markup=False)
        raise typer.Exit(2) from None
    except OSError as wrong:
        complaints.print(f"hushwatt: {wrong.filename or out}: {wrong.strerror or wrong}", markup=False)
        raise typer.Exit(2) from None


def _check_prefix(prefix: str) -> None:
    if not prefix or any(sign in prefix for sign in "+#\0 ") or prefix[0] in "/$" or prefix[-1] == "/":
        wanted = "a topic such as plant or hall/plant"
        raise ConfigError([Problem(file="command line", line=0, key="--prefix", found=repr(prefix), wanted=wanted)])


class _Site(NamedTuple):
    """What is served, wherever its physics comes from."""

    plant: Plant
    latitude: float
    name: str
    seed: int
    close: Callable[[], None]


def _site(
    scenario: str,
    seed: int | None,
    start: str | None,
    days: int | None,
    learn_days: int | None,
    step_s: int | None,
    told: Sequence[str],
    skip_learning: bool,
    products: bool,
) -> _Site:
    """A scenario's plant, or EnergyPlus', with the faults of the command line. Raises ConfigError, EnergyPlusFault."""
    if scenario.startswith(ENERGYPLUS):
        from simulator.energyplus.plant import ask

        foreign = ask(scenario, start=start, days=days, learn_days=learn_days, wire_step_s=step_s)
        return _Site(foreign, foreign.latitude, scenario, seed or 0, foreign.close)
    plan = scenarios.changed(
        scenarios.read(scenario),
        scenario,
        seed=seed,
        start=start,
        days=days,
        learn_days=learn_days,
        wire_step_s=step_s,
    )
    plant = World(scenarios.worlds(plan, [plan.seed]), plan.noise_k)
    if told:
        begin = plant.judge_unix_s if skip_learning else plant.start_unix_s
        known = known_of(plant, serve(plant.equipment) if products else ())
        more = [parse(text, known, begin) for text in told]
        plant = World(scenarios.worlds(plan, [plan.seed], more=more), plan.noise_k)
    return _Site(plant, plan.latitude, plan.name, plan.seed, lambda: None)


async def _until_told(session: Session) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def tell_open(wire: Wire, broker: Broker) -> None:
        pace = "lockstep" if session.manner.lockstep_s is not None else f"{session.manner.speed:g} times real time"
        console.print(f"Modbus TCP {HOST}:{wire.modbus.port}, MQTT {HOST}:{broker.port}, {pace}", markup=False)
        if wire.rtu is not None:
            console.print(f"Modbus RTU {wire.rtu.path}", markup=False)
        console.print(f"Try: hushwatt run {session.folder / 'site.yaml'}", markup=False)

    def tell_done() -> None:
        console.print(f"The last day is over: see {session.folder / 'kpi.json'}", markup=False)

    await session.run(stop, tell_open, tell_done)
