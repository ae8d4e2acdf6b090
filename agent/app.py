"""Builds the house from a config and runs it: the only file that knows every room."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.board import Board
from agent.config import SiteConfig, load
from agent.config.outbound import why_shut
from agent.config.sinks import Feed
from agent.control.authority import Authority, Mode
from agent.control.dispatch import Dispatch
from agent.control.wheel import Pace, Wheel
from agent.core.clock import Clock, Instant, SystemClock, wall_s
from agent.core.errors import ConfigError, Problem, StoreError
from agent.core.points import PointTable
from agent.core.protocols import Driver, Strategy
from agent.core.scan import Scan
from agent.drivers.memory import Registers
from agent.features.window import Window
from agent.house import House
from agent.inbox.inbox import Inbox, WithWishes
from agent.inbox.mqtt import MqttDoor
from agent.ingest.changes import Changes
from agent.ingest.forecasts import ForecastDesk
from agent.ingest.live import Live
from agent.ingest.poller import Poller
from agent.learner import Learner
from agent.ledger.idle import IdleBook, Machine
from agent.runtime.lockstep import Follower, first_look
from agent.runtime.logs import start_logging
from agent.runtime.loops import ScaledLoop, SteeredLoop
from agent.runtime.mqtt_broker import reach
from agent.store.store import Store
from agent.traffic.recorder import HeardClock, HeardDispatch, HeardStrategy, HeardWheel, Recorder, heard_mode
from agent.uplink import letters
from agent.uplink.packer import Rules
from agent.uplink.registry import Place, make_sink
from agent.uplink.sink import Sink
from agent.uplink.tape import Feeding
from agent.uplink.uplink import Uplink, Way
from agent.wiring import forecast_sources, listen, wire_up

log = logging.getLogger(__name__)

GRID_S = 300.0
WINDOW_DAYS = 4
"""What the strategies look back on."""
TOGETHER = 5
"""So many devices are asked in one go: who is awake for one does the next almost for nothing (bench acquisition), and
their answers are stamped a few milliseconds late at most. Our choice."""
BEFORE_STEP_S = 1.0


async def open_house(
    config: SiteConfig,
    clock: Clock,
    stack: AsyncExitStack,
    *,
    mode: Mode | None = None,
    strategy: str | None = None,
    registers: Mapping[str, Registers] | None = None,
    sink: Sink | None = None,
    record: Path | None = None,
) -> House:
    """Open the store, make the drivers, read what was learned; nothing runs yet.

    `registers` stand behind memory devices, by device name; `sink` stands in the place of each configured one (tests).
    `record`: write all that comes in to this file, for `hushwatt replay`.
    Raises ConfigError, StoreError.
    """
    table = PointTable(config.points())
    envelope = config.envelope()
    store = await Store.open(
        config.store_path,
        table,
        clock,
        commit_s=config.store.commit_s,
        keep_days=config.store.keep_days,
        max_mb=config.store.max_mb,
    )
    stack.push_async_callback(store.close)
    wiring = wire_up(config, table, store, clock, registers or {})
    for driver in wiring.drivers:
        await driver.open()
        stack.push_async_callback(driver.close)
    systems = config.systems()
    seen = [spec for spec in table if systems.looks_at(spec.id)]
    learner = Learner(systems, envelope, store, seen, clock, wanted=strategy or config.control.strategy, grid_s=GRID_S)
    await learner.recall()
    live = Live(table)
    window = Window(seen, grid_s=GRID_S, rows=int(WINDOW_DAYS * 86400 / GRID_S))
    await _refill(window, store, clock.read())
    first_unix_s = await _first_unix_s(store)
    authority = Authority(
        mode or config.control.mode,
        watch_days=config.control.watch_days,
        first_unix_s=first_unix_s,
        clock=clock,
        journal=store,
    )
    learner.authority = authority
    dispatch = Dispatch(wiring.writers, store, clock)
    house: House
    common: dict[str, Any] = {
        "live": live,
        "history": window,
        "envelope": envelope,
        "journal": store,
        "pace": Pace(cycle_s=config.control.cycle_s, watch_s=config.control.watch_s),
        "heartbeat": config.control.heartbeat,
        "beat": lambda image: house.beat(image),
        "inherited": await _still_held(store, list(envelope), mode or config.control.mode),
    }
    recorder = None if record is None else _recorder(record, config, learner, window, common["inherited"], stack)
    inbox = _inbox(config, store, table, clock)
    strategy_ = learner if inbox is None else WithWishes(learner, inbox[0])
    if recorder is not None:
        learner.on_adopt, learner.on_forecast = recorder.adopt, recorder.forecast
    wheel = _wheel(common, recorder, strategy_, dispatch, clock, authority.mode)
    desk = ForecastDesk(learner.take_forecast, store, clock)
    sources = forecast_sources(config, table)
    listen(config, sources, desk, wiring, store, clock)
    pollers = _pollers(config, wiring.drivers, lambda scan: house.take(scan), store, clock)
    house = House(
        config=config,
        clock=clock,
        store=store,
        table=table,
        wiring=wiring,
        live=live,
        changes=Changes(table),
        pollers=pollers,
        wheel=wheel,
        authority=authority,
        learner=learner,
        desk=desk,
        forecasts=[source for source in sources if source.url is not None],
        idle=IdleBook(_machines(config)),
        board=Board(config.store_path.parent),
        uplink=_uplink(config, store, clock, sink),
        door=None if inbox is None else inbox[1],
        started=clock.read(),
        recorder=recorder,
    )
    return house


def _wheel(
    common: Mapping[str, Any],
    recorder: Recorder | None,
    strategy: Strategy,
    dispatch: Dispatch,
    clock: Clock,
    mode: Callable[[], Mode],
) -> Wheel:
    """The wheel, or one whose every question to the world is written down."""
    if recorder is None:
        return Wheel(**common, strategy=strategy, dispatch=dispatch, clock=clock, mode=mode)
    wheel = HeardWheel(
        **common,
        strategy=HeardStrategy(strategy, recorder),
        dispatch=HeardDispatch(dispatch, recorder),
        clock=HeardClock(clock, recorder),
        mode=heard_mode(mode, recorder),
    )
    wheel.recorder = recorder
    return wheel


def _recorder(
    path: Path, config: SiteConfig, learner: Learner, window: Window, inherited: list[str], stack: AsyncExitStack
) -> Recorder:
    """Raises ConfigError for a file that cannot be written."""
    try:
        recorder = Recorder(path)
    except OSError as fault:
        found, wanted = (fault.strerror or "unwritable").lower(), "a path that can be written"
        raise ConfigError([Problem(file=str(path), line=0, key="--out", found=found, wanted=wanted)]) from None
    stack.callback(recorder.close)
    cell, rows = window.look()
    told = {
        "config": config.model_dump(mode="json", by_alias=True, exclude={"brokers"}) | {"brokers": _no_secrets(config)},
        "strategy": learner.kind,
        "inherited": inherited,
        "grid_s": GRID_S,
        "rows": int(WINDOW_DAYS * 86400 / GRID_S),
        "cell": cell,
    }
    recorder.start(told, rows)
    if learner.learned is not None:
        recorder.adopt(learner.learned)
    return recorder


def _no_secrets(config: SiteConfig) -> dict[str, object]:
    """Brokers without the paths of their secrets."""
    return {name: {"host": broker.host, "port": broker.port} for name, broker in config.brokers.items()}


async def _refill(window: Window, store: Store, now: Instant) -> None:
    """What an earlier life saw goes back into the window: a restart must not make the strategies forget."""
    until_s = now.unix_s // GRID_S * GRID_S
    try:
        grid = await store.grid(window.names, until_s - WINDOW_DAYS * 86_400.0, until_s, GRID_S)
    except StoreError as fault:
        log.warning("the window starts empty: %s", fault)
        return
    for unix_s, row in zip(grid.unix_s.tolist(), grid.values.astype(np.float32), strict=True):
        if np.isfinite(row).any():
            window.put(row, Instant(unix_s=unix_s, mono_s=unix_s - now.unix_s + now.mono_s))


def _pollers(
    config: SiteConfig, drivers: list[Driver], take: Callable[[Scan], None], store: Store, clock: Clock
) -> list[Poller]:
    """Spread over half the period of the wall; steered time costs nothing, so there all poll on the full period."""
    spread = isinstance(clock, SystemClock)
    return [
        Poller(
            driver,
            poll_s=config.devices[driver.name].poll_s,
            phase_s=config.devices[driver.name].poll_s * _phase(place, len(drivers)) if spread else 0.0,
            take=take,
            journal=store,
            clock=clock,
        )
        for place, driver in enumerate(drivers)
    ]


def _phase(place: int, count: int) -> float:
    """Of the period, when the device at this place of so many is asked: a few together, then the next few."""
    return place // TOGETHER * TOGETHER / (2 * count)


def _machines(config: SiteConfig) -> list[Machine]:
    served: dict[str, list[str]] = {}
    for name, equipment in config.equipment.items():
        if equipment.served_by:
            served.setdefault(equipment.served_by, []).append(name)
    hours, offset_h = config.hours(), config.site.utc_offset_h
    return [
        Machine(id=name, kind=e.kind, serves=tuple(served.get(name, ())), schedule=hours, utc_offset_h=offset_h)
        for name, e in config.equipment.items()
    ]


def _uplink(config: SiteConfig, store: Store, clock: Clock, sink: Sink | None) -> Uplink:
    """Every way upstream of the config. Raises ConfigError."""
    place = Place(
        site=config.site.name,
        gateway=config.site.gateway,
        newest=lambda: store.outbox.last_seq,
        clock=clock,
        brokers=config.brokers,
    )
    units = {spec.id: spec.unit for spec in config.points()}
    uses = config.data_use()
    ways = {}
    for name, told in config.upstream.all_sinks().items() if config.upstream else ():
        spans_s = {point: terms.span_s for point, terms in uses[name].items()}
        feed = {key: getattr(told, key) for key in Feed.model_fields}
        made = make_sink(name, told, replace(place, points=tuple(spans_s))) if sink is None else sink
        ways[name] = Way(sink=made, rules=Rules(spans_s=spans_s, units=units), feeding=Feeding(**feed))
    replay = config.store_path.parent / letters.FOLDER
    return Uplink(ways, store.outbox, store, clock, site=config.site.name, gateway=config.site.gateway, replay=replay)


def _inbox(config: SiteConfig, store: Store, table: PointTable, clock: Clock) -> tuple[Inbox, MqttDoor] | None:
    """Raises ConfigError when its broker's secret cannot be read."""
    told = config.upstream.inbox if config.upstream else None
    if told is None or why_shut(config.brokers[told.broker]) is not None:
        return None
    inbox = Inbox(table, store, clock, config.store_path.parent / "offers")
    where = {"prefix": told.prefix, "site": config.site.name, "gateway": config.site.gateway}
    return inbox, MqttDoor(inbox, reach(told.broker, config.brokers[told.broker]), clock, **where)


async def _first_unix_s(store: Store) -> float | None:
    """None also where nobody can tell: the agent then watches as on a new site."""
    try:
        return await store.first_unix_s()
    except StoreError as fault:
        log.warning("the site is watched as if it were new: %s", fault)
        return None


async def _still_held(store: Store, points: list[str], mode: Mode) -> list[str]:
    """Points that an earlier life of this agent commanded and never let go: it was killed.

    Where nobody can tell, because the store is not whole, an agent that may write lets go of every one.
    """
    if not store.is_whole:
        return points if mode == "full" else []
    latest = [entry for point in points for entry in await store.entries(kind="outcome", subject=point, limit=1)]
    return [e.subject for e in latest if e.data["source"] != "release" or e.data["kind"] != "confirmed"]


def store_path(site: Path) -> Path:
    """Where the site's store is. Raises ConfigError."""
    return load(site).store_path


def run_site(site: Path, *, mode: Mode | None = None, strategy: str | None = None, record: Path | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. Raises ConfigError, OperatingError."""
    config = load(site)
    loop, clock = _time(config)
    start_logging(clock)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_main(config, clock, loop, mode, strategy, record))
    return 0


def _time(config: SiteConfig) -> tuple[asyncio.AbstractEventLoop, Clock]:
    """The event loop and the clock that the config asks for."""
    told = config.clock
    if told.kind == "scaled":
        scaled = ScaledLoop(speed=told.speed, start_unix_s=told.start_unix_s)
        return scaled, scaled.clock()
    if told.kind == "lockstep":
        broker = config.brokers[told.broker]
        secrets = {"username": broker.username, "password": broker.password()}
        now_s = asyncio.run(first_look(broker.host, broker.port, told.prefix, **secrets))
        # We begin a moment before the step that the plant shows, so that its polls are still to come.
        steered = SteeredLoop(start_unix_s=now_s - BEFORE_STEP_S, horizon_unix_s=now_s - BEFORE_STEP_S)
        return steered, steered.clock()
    return asyncio.SelectorEventLoop(), SystemClock()


async def _main(
    config: SiteConfig,
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
    mode: Mode | None,
    strategy: str | None,
    record: Path | None,
) -> None:
    began_s = wall_s()
    async with AsyncExitStack() as stack:
        house = await open_house(config, clock, stack, mode=mode, strategy=strategy, record=record)
        if isinstance(loop, SteeredLoop) and config.clock.kind == "lockstep":
            connection = house.wiring.connections[config.clock.broker]
            house.follower = Follower(loop, connection, config.clock.prefix)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, house.stop)
        log.info("%s is up after %.1f s", config.site.name, wall_s() - began_s)
        await house.run()
