"""Runs a simulated site under a strategy, without a wire: learn for days under own control, then be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from agent.core.clock import Instant
from agent.core.command import Command
from agent.core.features import Features
from agent.core.image import Image
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.protocols import Strategy
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, RoomSystem, Systems
from agent.features.window import Window
from agent.learn.parameters import Parameters
from agent.learn.site import learn
from agent.optimize.baseline import Baseline
from agent.optimize.planner import OnnxPlanner
from agent.safety.guard import review
from simulator.plant import Account, Plant
from simulator.scenarios import load

ZONES = ("zone1", "zone2", "zone3", "zone4")
SYSTEMS = Systems(
    ahus=(AhuSystem(ahu="ahu1", zones=ZONES),),
    cracs=(CracSystem(crac="crac1", room="room1", it_meter="meter2"),),
    rooms=(RoomSystem(room="room1", cracs=("crac1",), it_meter="meter2"),),
    lifts=(LiftSystem(lifts="lifts1", zones=ZONES),),
)
WINDOW_DAYS = 4


def _limit(point: str, low: float, high: float, step: float, hold_s: float) -> Limit:
    return Limit(point=point, low=low, high=high, step=step, hold_s=hold_s)


ENVELOPE = {
    limit.point: limit
    for limit in (
        *(_limit(f"{z}.zone_air_heating_temperature_setpoint", 16.0, 23.0, 6.0, 600.0) for z in ZONES),
        *(_limit(f"{z}.zone_air_cooling_temperature_setpoint", 21.0, 30.0, 6.0, 600.0) for z in ZONES),
        _limit("ahu1.on_off_command", 0.0, 1.0, 1.0, 900.0),
        _limit("ahu1.supply_air_temperature_setpoint", 12.0, 20.0, 2.0, 600.0),
        _limit("crac1.supply_air_temperature_setpoint", 16.0, 26.0, 1.0, 600.0),
        _limit("crac1.fan_speed_setpoint", 45.0, 100.0, 5.0, 600.0),
        _limit("lifts1.cars_in_service_setpoint", 1.0, 4.0, 4.0, 600.0),
    )
}


@dataclass(slots=True, kw_only=True)
class Run:
    """What came of a judged run."""

    account: Account
    verdicts: dict[str, int] = field(default_factory=dict)
    rows: list[np.ndarray] = field(default_factory=list)
    parameters: Parameters | None = None


def history_of(plant: Plant, days: float) -> Features:
    """Steps the plant under its own control and keeps what it showed."""
    rows = []
    for _ in range(round(days * 86400.0 / plant.step_s)):
        plant.step({})
        rows.append(plant.read())
    values = np.array(rows, np.float32)
    at = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s)
    return Features(
        names=plant.names,
        units=("",) * len(plant.names),
        values=values,
        mask=np.isfinite(values),
        grid_s=plant.step_s,
        at=at,
    )


class Noise:
    """What the temperature sensors add; set-points are exact."""

    def __init__(self, names: tuple[str, ...], deviation_k: float) -> None:
        self._rng = np.random.default_rng(7)
        measured = [("temperature" in name and not name.endswith("setpoint")) for name in names]
        self._scale = deviation_k * np.array(measured, np.float64)

    def on(self, features: Features) -> Features:
        values = (features.values + self._draw(features.values.shape)).astype(np.float32)
        return replace(features, values=values)

    def look(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values + self._draw(values.shape))

    def _draw(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self._rng.standard_normal(shape) * self._scale)


class Loop:
    """One strategy in charge of one plant, by the guard's leave."""

    def __init__(self, plant: Plant, strategy: Strategy | None, history: Features, noise: Noise, *, every: int) -> None:
        self.plant = plant
        self.strategy = strategy
        self.noise = noise
        self.every = every
        specs = [
            PointSpec(
                id=name, unit="degC", kind=Kind.SENSOR, poll_s=300.0, fresh_s=1e9, writable=name in plant.writable
            )
            for name in plant.names
        ]
        self.table = PointTable(specs)
        rows = round(WINDOW_DAYS * 86400.0 / plant.step_s)
        self.window = Window(self.table, grid_s=plant.step_s, rows=rows)
        for k in range(max(0, len(history.values) - rows), len(history.values)):
            unix_s = history.at.unix_s - (len(history.values) - 1 - k) * plant.step_s
            self.window.put(history.values[k], Instant(unix_s=unix_s, mono_s=unix_s))
        self.held: dict[str, float] = {}
        self.last: dict[str, Command] = {}
        self.verdicts: dict[str, int] = {}
        self.values = history.values[-1].astype(np.float64)

    def turn(self, k: int) -> None:
        """One cycle and one step."""
        at = Instant(unix_s=self.plant.unix_s, mono_s=self.plant.unix_s)
        if self.strategy is not None and k % self.every == 0:
            self._command(at)
        self.plant.step(self.held)
        self.values = self.noise.look(self.plant.read())
        then = Instant(unix_s=self.plant.unix_s, mono_s=self.plant.unix_s)
        self.window.put(self.values.astype(np.float32), then)

    def _command(self, at: Instant) -> None:
        assert self.strategy is not None
        image = Image(
            at=at,
            table=self.table,
            values=self.values,
            quality=np.zeros(len(self.values), np.uint8),
            sampled_mono_s=np.full(len(self.values), at.mono_s),
        )
        for wish in self.strategy.propose(self.window.features(at), at):
            verdict = review(wish, ENVELOPE.get(wish.point), self.last.get(wish.point), image)
            name = f"{verdict.kind}/{verdict.rule}"
            self.verdicts[name] = self.verdicts.get(name, 0) + 1
            if verdict.command is not None and verdict.command.value is not None:
                self.last[wish.point] = verdict.command
                low, high = self.plant.writable[wish.point]
                self.held[wish.point] = min(high, max(low, verdict.command.value))


def run(
    scenario: str,
    seed: int,
    strategy: str,
    *,
    days: float = 1.0,
    learn_days: int = 14,
    every: int = 1,
    noise_k: float = 0.0,
    relearn: bool = False,
    keep: bool = False,
) -> Run:
    """`strategy` is own, baseline or planner; it thinks `every` so many wire steps, and may learn anew each midnight.

    `noise_k` is the standard deviation of what the temperature sensors add; the account knows the truth.
    """
    plant = load(scenario, seed=seed, learn_days=learn_days, days=math.ceil(days))
    noise = Noise(plant.names, noise_k)
    history = noise.on(history_of(plant, learn_days))
    parameters, made = None, None
    if strategy == "baseline":
        made = Baseline(SYSTEMS, ENVELOPE)
    elif strategy == "planner":
        parameters = learn(history, SYSTEMS)
        made = OnnxPlanner(SYSTEMS, ENVELOPE, parameters)
    loop = Loop(plant, made, history, noise, every=every)
    plant.start_account()
    rows = []
    past = [*history.values]
    for k in range(round(days * 86400.0 / plant.step_s)):
        if relearn and k and k % 288 == 0 and isinstance(made, OnnxPlanner):
            values = np.array(past[-14 * 288 :], np.float32)
            at = Instant(unix_s=plant.unix_s, mono_s=plant.unix_s)
            parameters = learn(replace(history, values=values, mask=np.isfinite(values), at=at), SYSTEMS)
            made.adopt(parameters)
        loop.turn(k)
        past.append(loop.values.astype(np.float32))
        if keep:
            rows.append(loop.values)
    return Run(account=plant.account(), verdicts=loop.verdicts, rows=rows, parameters=parameters)
