"""Event loops whose time is not the wall's: scaled, and steered (virtual time and lockstep).

A steered loop moves its clock to the next timer instead of waiting for it. It never moves while work on the real wire
or on a thread is under way (`hold`), and never past its `horizon`: infinite for virtual time, the plant's instant for
lockstep. So a simulated year runs as fast as the work it holds, and one seed gives one story. What belongs to the real
world, such as a link's keep-alive, sets its timers `on_wall`.

asyncio asks `time()` once a turn, computes how long to the next timer, and calls the selector's `select(timeout)`:
wrapping these two is all it takes (CPython 3.11-3.14, `asyncio.base_events.BaseEventLoop._run_once`).
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack

from agent.core.clock import SteeredClock, wall_s

T = TypeVar("T")
Args = TypeVarTuple("Args")

Events = list[tuple[selectors.SelectorKey, int]]


_ON_WALL: ContextVar[bool] = ContextVar("on_wall", default=False)
"""Inherited by tasks and callbacks, as every context variable: a library's own tasks follow whoever began them."""


@contextmanager
def _on_wall() -> Iterator[None]:
    token = _ON_WALL.set(True)
    try:
        yield
    finally:
        _ON_WALL.reset(token)


def _run(handle: asyncio.TimerHandle) -> None:
    if not handle.cancelled():
        handle._run()


class _Selector(selectors.BaseSelector):
    """The system's selector with another idea of waiting."""

    def __init__(self, wait: Callable[[selectors.BaseSelector, float | None], Events]) -> None:
        self._real = selectors.DefaultSelector()
        self._wait = wait

    def select(self, timeout: float | None = None) -> Events:
        return self._wait(self._real, timeout)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class _ContextLoop(asyncio.SelectorEventLoop):
    """Threads know the context that they were begun in: a client that connects in one begins its tasks from there."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Args]], T], *args: *Args
    ) -> asyncio.Future[T]:
        return super().run_in_executor(executor, partial(copy_context().run, func, *args))


class _Timer(asyncio.TimerHandle):
    """Of those that are due together, the one that was set first goes first; a heap alone keeps no such order."""

    __slots__ = ("number",)
    number: int

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self.number) < (other.when(), other.number)


class ScaledLoop(_ContextLoop):
    """Time runs `speed` times as fast as the wall's, from `start_unix_s` on."""

    def __init__(self, *, speed: float, start_unix_s: float) -> None:
        self._speed = speed
        self._start_unix_s = start_unix_s
        self._wall_start_s = wall_s()
        super().__init__(_Selector(self._select))
        self._clock_resolution = 1e-9 * speed

    def time(self) -> float:
        return self._start_unix_s + (wall_s() - self._wall_start_s) * self._speed

    def clock(self) -> SteeredClock:
        return SteeredClock(self.time, on_wall=_on_wall, speed=self._speed)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        now = self.time()
        when = now + (when - now) * self._speed if _ON_WALL.get() else when
        return super().call_at(when, callback, *args, context=context)

    def _select(self, real: selectors.BaseSelector, timeout: float | None) -> Events:
        return real.select(timeout if timeout is None else timeout / self._speed)


class SteeredLoop(_ContextLoop):
    """Time stands at `now` and jumps to the next timer once nothing else is to be done."""

    def __init__(self, *, start_unix_s: float, horizon_unix_s: float = math.inf) -> None:
        self._now = start_unix_s
        self._horizon = horizon_unix_s
        self._busy = 0
        self.on_idle: Callable[[], None] | None = None
        """Called once each time the loop stands at its horizon with nothing left to do."""
        self._told = True
        self._wall_timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        """Of timers that were ever set."""
        super().__init__(_Selector(self._select))
        # Timers within half a microsecond are due together: float64 cannot tell unix seconds much finer.
        self._clock_resolution = 5e-7

    def time(self) -> float:
        return self._now

    def clock(self) -> SteeredClock:
        return SteeredClock(self.time, hold=self.hold, on_wall=_on_wall)

    @property
    def horizon_unix_s(self) -> float:
        return self._horizon

    def extend(self, horizon_unix_s: float) -> None:
        """Let time go on up to `horizon_unix_s`; it never goes back."""
        self._horizon = max(self._horizon, horizon_unix_s)
        self._told = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still in here; timers that are set in here run on the wall's."""
        self._busy += 1
        try:
            with _on_wall():
                yield
        finally:
            self._busy -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Args]], T], *args: *Args
    ) -> asyncio.Future[T]:
        """As asyncio's; time stands still until the thread is done."""
        self._busy += 1
        try:
            future = super().run_in_executor(executor, func, *args)
        except BaseException:
            self._busy -= 1
            raise
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._busy -= 1

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; on the wall's time where the context says so."""
        self._count += 1
        if _ON_WALL.get():
            when_s = wall_s() + when - self._now
            handle = asyncio.TimerHandle(when_s, callback, args, self, context)
            heapq.heappush(self._wall_timers, (when_s, self._count, handle))
            return handle
        timer = _Timer(when, callback, args, self, context)
        timer.number = self._count
        timer._scheduled = True  # type: ignore[attr-defined]  # As asyncio's own call_at does.
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        return timer

    def _wall_timeout(self) -> float | None:
        """Seconds until a timer on the wall is due; None when there is none."""
        while self._wall_timers and self._wall_timers[0][2].cancelled():
            heapq.heappop(self._wall_timers)
        return max(0.0, self._wall_timers[0][0] - wall_s()) if self._wall_timers else None

    def _fire_wall_timers(self) -> bool:
        """Queue what is due on the wall; True when there was something."""
        is_any = False
        while self._wall_timers and self._wall_timers[0][0] <= wall_s():
            handle = heapq.heappop(self._wall_timers)[2]
            if not handle.cancelled():
                self.call_soon(_run, handle)
                is_any = True
        return is_any

    def _select(self, real: selectors.BaseSelector, timeout: float | None) -> Events:
        events = real.select(0)
        if events or timeout == 0 or self._fire_wall_timers():
            return events
        if self._busy:
            # Work is under way on a real wire or a thread: only the wall's time goes on.
            return real.select(self._wall_timeout())
        if timeout is not None and self._now + timeout <= self._horizon:
            self._now += timeout
            return []
        if math.isfinite(self._horizon):
            self._now = max(self._now, self._horizon)
        if self.on_idle is not None and not self._told:
            self._told = True
            self.on_idle()
            return []
        return real.select(self._wall_timeout())
