"""Writes down what comes in: scans, turns of the wheel with every look at the clock, outcomes, what was learned.

The seam is the wheel's: whatever it asks of the world, it asks through here. What arrives while a turn is under way is
written behind that turn, for the turn thinks on a frozen image.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.control.authority import Mode
from agent.control.dispatch import Dispatch
from agent.control.wheel import Wheel
from agent.core.clock import Clock, Instant
from agent.core.command import Command, Outcome, Proposal
from agent.core.features import Features, Forecast
from agent.core.protocols import Strategy
from agent.core.scan import Scan
from agent.learn.parameters import Parameters
from agent.traffic.frames import Writer

log = logging.getLogger(__name__)


class Recorder:
    """One recording. A disk that fails ends it, and nothing else."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._writer: Writer | None = Writer(path)
        self._turn: dict[str, Any] | None = None
        self._later: list[Scan | dict[str, Any]] = []

    def start(self, told: Mapping[str, Any], window: npt.NDArray[np.float32]) -> None:
        """What the wheel begins with: config, strategy, inherited points, the window's rows and newest cell."""
        self._put({"kind": "start", **told, "window": [_row(row) for row in window]})

    def scan(self, scan: Scan) -> None:
        self._put(scan)

    def adopt(self, learned: Parameters) -> None:
        self._put({"kind": "adopt", "parameters": learned.to_json()})

    def forecast(self, point: str, forecast: Forecast) -> None:
        at, values = forecast
        self._put({"kind": "forecast", "point": point, "at": at.tolist(), "values": values.tolist()})

    def _put(self, event: Scan | dict[str, Any]) -> None:
        if self._turn is not None:
            self._later.append(event)
        elif self._writer is not None:
            try:
                self._writer.scan(event) if isinstance(event, Scan) else self._writer.event(event)
            except OSError as fault:
                log.error("the recording ends here: %s", fault)
                self.close()

    # --- a turn ---

    def begin(self, plan: bool) -> None:
        self._turn = {"kind": "turn", "plan": plan, "reads": [], "modes": [], "wishes": [], "outcomes": []}

    def end(self) -> None:
        """Also of a turn that was canceled: what it did, it did."""
        turn, later = self._turn, self._later
        self._turn, self._later = None, []
        if turn is not None:
            self._put(turn)
        for event in later:
            self._put(event)

    def note(self, what: str, told: object) -> None:
        if self._turn is not None:
            self._turn[what].append(told)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _row(row: npt.NDArray[np.float32]) -> list[float | None]:
    return [None if value != value else value for value in row.tolist()]


class HeardClock:
    """The wheel's clock: what it said in a turn is written down."""

    def __init__(self, clock: Clock, recorder: Recorder) -> None:
        self._clock, self._recorder = clock, recorder

    def read(self) -> Instant:
        now = self._clock.read()
        self._recorder.note("reads", [now.unix_s, now.mono_s, now.is_set])
        return now

    def hold(self) -> AbstractContextManager[object]:
        return self._clock.hold()

    def on_wall(self) -> AbstractContextManager[object]:
        return self._clock.on_wall()

    def io_s(self, seconds: float) -> float:
        return self._clock.io_s(seconds)


class HeardStrategy:
    """The wheel's strategy: what it wished is written down."""

    def __init__(self, strategy: Strategy, recorder: Recorder) -> None:
        self._strategy, self._recorder = strategy, recorder

    @property
    def name(self) -> str:
        return self._strategy.name

    def propose(self, features: Features, now: Instant) -> list[Proposal]:
        wishes = self._strategy.propose(features, now)
        self._recorder.note("wishes", [told_wish(wish) for wish in wishes])
        return wishes


class HeardDispatch(Dispatch):
    """The wheel's way to the devices: what became of each command is written down."""

    def __init__(self, dispatch: Dispatch, recorder: Recorder) -> None:
        self._inner, self._recorder = dispatch, recorder
        self.outcomes = dispatch.outcomes

    async def write(self, command: Command) -> Outcome:
        outcome = await self._inner.write(command)
        self._recorder.note("outcomes", told_outcome(outcome))
        return outcome

    async def beat(self, command: Command) -> None:
        await self._inner.beat(command)


class HeardWheel(Wheel):
    """A wheel whose turns are written down."""

    recorder: Recorder

    async def turn(self, *, plan: bool) -> None:
        self.recorder.begin(plan)
        try:
            await super().turn(plan=plan)
        finally:
            self.recorder.end()


def heard_mode(mode: Callable[[], Mode], recorder: Recorder) -> Callable[[], Mode]:
    def ask() -> Mode:
        told = mode()
        recorder.note("modes", told)
        return told

    return ask


def told_wish(wish: Proposal) -> list[object]:
    return [wish.point, wish.value, wish.source, wish.until_mono_s]


def told_outcome(outcome: Outcome) -> dict[str, Any]:
    at = outcome.at
    return {
        "point": outcome.command.point,
        "value": outcome.command.value,
        "source": outcome.command.source,
        "kind": outcome.kind,
        "read_back": outcome.read_back,
        "detail": outcome.detail,
        "at": [at.unix_s, at.mono_s, at.is_set],
    }
