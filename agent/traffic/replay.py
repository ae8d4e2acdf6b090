"""Turns the same wheel over a recording, and compares each wish and each command with what was recorded."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.config import SiteConfig
from agent.control.authority import Mode
from agent.control.dispatch import Dispatch
from agent.control.wheel import Pace, Wheel
from agent.core.clock import Instant
from agent.core.command import Command, Outcome, Proposal
from agent.core.errors import ConfigError, Problem
from agent.core.features import Features
from agent.core.journal import Entry
from agent.core.points import PointTable
from agent.core.scan import Scan
from agent.features.window import Window
from agent.ingest.live import Live
from agent.learn.parameters import Parameters
from agent.optimize.baseline import Baseline
from agent.optimize.planner import OnnxPlanner
from agent.traffic import frames
from agent.traffic.recorder import told_wish

OUTSIDE = "upstream"
"""The source of wishes that the inbox took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first decision that is another one now."""

    at: Instant
    what: str
    recorded: object
    now: object

    def __str__(self) -> str:
        return f"{self.at.iso()}: {self.what}: recorded {self.recorded}, now {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the recording came to."""

    scans: int
    turns: int
    wishes: int
    commands: int
    difference: Difference | None


class _Differs(Exception):  # noqa: N818 - a finding, not an error
    def __init__(self, what: str, recorded: object, now: object) -> None:
        super().__init__(what)
        self.what, self.recorded, self.now = what, recorded, now


class _Stage:
    """Plays the world to the wheel: clock, mode and devices say what they said then."""

    def __init__(self, strategy: Baseline | OnnxPlanner) -> None:
        self.strategy = strategy
        self.reads: deque[list[Any]] = deque()
        self.modes: deque[Mode] = deque()
        self.wishes: deque[list[Any]] = deque()
        self.outcomes: deque[dict[str, Any]] = deque()
        self.counts = {"wishes": 0, "commands": 0}

    def load(self, turn: dict[str, Any]) -> None:
        self.reads, self.modes = deque(turn["reads"]), deque(turn["modes"])
        self.wishes, self.outcomes = deque(turn["wishes"]), deque(turn["outcomes"])

    # The wheel's clock.

    def read(self) -> Instant:
        if not self.reads:
            raise _Differs("a look at the clock", "none", "one more")
        return _instant(self.reads.popleft())

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()

    def on_wall(self) -> AbstractContextManager[object]:
        return nullcontext()

    def io_s(self, seconds: float) -> float:
        return seconds

    # Its authority, strategy and journal.

    def mode(self) -> Mode:
        if not self.modes:
            raise _Differs("the question for the mode", "none", "one more")
        return self.modes.popleft()

    @property
    def name(self) -> str:
        return self.strategy.name

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        then = self.wishes.popleft() if self.wishes else []
        wishes = [_from_outside(told) for told in then if told[2] == OUTSIDE]
        wishes += self.strategy.propose(features, now)
        told = [told_wish(wish) for wish in wishes]
        for recorded, is_now in zip(then, told, strict=False):
            if recorded != is_now:
                raise _Differs(f"the wish for {is_now[0]}", recorded, is_now)
        if len(then) != len(told):
            raise _Differs("the wishes", f"{len(then)}", f"{len(told)}")
        self.counts["wishes"] += len(told)
        return wishes

    def write(self, entry: Entry) -> None:
        """The journal is not replayed."""


class _Devices(Dispatch):
    """Answers each command as it was answered then."""

    def __init__(self, stage: _Stage) -> None:
        super().__init__({}, stage, stage)
        self._stage = stage

    async def write(self, command: Command) -> Outcome:
        then = self._stage.outcomes.popleft() if self._stage.outcomes else None
        now = (command.point, command.value, command.source)
        if then is None or (then["point"], then["value"], then["source"]) != now:
            recorded = "no command" if then is None else f"{then['point']} to {then['value']}"
            raise _Differs(f"the command for {command.point}", recorded, f"{command.point} to {command.value}")
        self._stage.counts["commands"] += 1
        self.outcomes[then["kind"]] += 1
        return Outcome(
            command=command,
            kind=then["kind"],
            read_back=then["read_back"],
            detail=then["detail"],
            at=_instant(then["at"]),
        )

    async def beat(self, command: Command) -> None:
        """Heartbeats decide nothing."""


def _from_outside(told: list[Any]) -> Proposal:
    """A wish that came in from upstream: nothing here would make it again."""
    return Proposal(point=told[0], value=told[1], source=told[2], reason="recorded", until_mono_s=told[3])


def _instant(told: list[Any]) -> Instant:
    return Instant(unix_s=told[0], mono_s=told[1], is_set=told[2])


def replay(path: Path, config: SiteConfig | None = None) -> Replayed:
    """`config`: another one than the recorded, to see what it changes. Raises ConfigError."""
    return asyncio.run(_replay(path, config))


async def _replay(path: Path, config: SiteConfig | None) -> Replayed:
    events = frames.read(path)
    start = next(events, None)
    if not isinstance(start, dict) or start.get("kind") != "start":
        found = "nothing at all" if start is None else "something else first"
        wanted = "a recording that begins with its start"
        raise ConfigError([Problem(file=str(path), line=0, key="the recording", found=found, wanted=wanted)])
    told = SiteConfig.model_validate(start["config"]) if config is None else config
    stage, live, wheel = _stand_up(told, start)
    scans = turns = 0
    difference = None
    for event in events:
        if isinstance(event, Scan):
            live.update(event)
            scans += 1
        elif event["kind"] == "adopt" and isinstance(stage.strategy, OnnxPlanner):
            stage.strategy.adopt(Parameters.from_json(event["parameters"]))
        elif event["kind"] == "forecast" and isinstance(stage.strategy, OnnxPlanner):
            stage.strategy.feeds.put(event["point"], (np.array(event["at"]), np.array(event["values"])))
        elif event["kind"] == "turn":
            turns += 1
            difference = await _turn(stage, wheel, event)
            if difference is not None:
                break
    return Replayed(
        scans=scans,
        turns=turns,
        wishes=stage.counts["wishes"],
        commands=stage.counts["commands"],
        difference=difference,
    )


async def _turn(stage: _Stage, wheel: Wheel, event: dict[str, Any]) -> Difference | None:
    stage.load(event)
    at = _instant(event["reads"][0]) if event["reads"] else Instant(unix_s=0.0, mono_s=0.0)
    try:
        await wheel.turn(plan=event["plan"])
    except _Differs as found:
        return Difference(at=at, what=found.what, recorded=found.recorded, now=found.now)
    if stage.outcomes:
        left = stage.outcomes[0]
        return Difference(at=at, what=f"the command for {left['point']}", recorded=left["value"], now="none")
    return None


def _stand_up(config: SiteConfig, start: dict[str, Any]) -> tuple[_Stage, Live, Wheel]:
    """The wheel as `agent/app.py` makes it, on a stage."""
    table = PointTable(config.points())
    envelope = config.envelope()
    make = OnnxPlanner if start["strategy"] == OnnxPlanner.__name__ else Baseline
    stage = _Stage(make(config.systems(), envelope))
    live = Live(table)
    window = Window(table, grid_s=start["grid_s"], rows=start["rows"])
    rows = start["window"]
    for n, row in enumerate(rows):
        unix_s = (start["cell"] - len(rows) + 1 + n) * start["grid_s"]
        values = np.array([np.nan if value is None else value for value in row], np.float32)
        window.put(values, Instant(unix_s=unix_s, mono_s=unix_s))
    wheel = Wheel(
        live=live,
        history=window,
        strategy=stage,
        envelope=envelope,
        dispatch=_Devices(stage),
        journal=stage,
        clock=stage,
        mode=stage.mode,
        pace=Pace(cycle_s=config.control.cycle_s, watch_s=config.control.watch_s),
        heartbeat=config.control.heartbeat,
        inherited=start["inherited"],
    )
    return stage, live, wheel
