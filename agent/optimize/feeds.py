"""Forecasts that come from outside, and whether they are worth anything: each is measured against persistence.

A feed is asked what it says for three hours ahead; when that hour has come, its miss and the miss of what we would have
thought without it (the days before, shifted to meet the present) are compared. A feed that misses more is left until it
does better; a feed that is stale is left at once.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from agent.core.clock import Instant
from agent.core.features import Features, Forecast
from agent.features.grid import STEP_S, grid_of, latest
from agent.optimize.forecast import repeat_days

AHEAD_S = 3.0 * 3600.0
EVERY_S = 3600.0
KEPT, LEAST = 48, 6
"""Comparisons that are kept, and without which a feed is believed on credit."""
WORSE = 1.1
"""Its mean miss over persistence's, beyond which it is left (our choice)."""
REACH_LEAST_S = 6.0 * 3600.0
"""A forecast that ends sooner is stale."""


@dataclass(slots=True)
class _Feed:
    forecast: Forecast
    pending: deque[tuple[float, float, float]] = field(default_factory=deque)
    """(instant, its value, persistence's value) that wait for their hour."""
    misses: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    asked_s: float = -math.inf
    told: str = ""

    def state(self, now_s: float) -> str:
        """`used`, `stale` or `worse`."""
        times = self.forecast[0]
        if times[-1] < now_s + REACH_LEAST_S or times[0] > now_s + EVERY_S:
            return "stale"
        if len(self.misses) < LEAST:
            return "used"
        ours, theirs = self.mean_misses()
        return "worse" if ours > WORSE * theirs + 1e-6 else "used"

    def mean_misses(self) -> tuple[float, float]:
        """The feed's, and persistence's."""
        table = np.array(self.misses)
        return float(table[:, 0].mean()), float(table[:, 1].mean())


class Feeds:
    """All feeds of a site; a function of what it is shown, so that a replay judges the same."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Feed] = {}
        self.notes: list[str] = []
        """What changed since they were last taken away."""

    def put(self, point: str, forecast: Forecast) -> None:
        """A newer forecast of a point."""
        if point in self._feeds:
            self._feeds[point].forecast = forecast
        else:
            self._feeds[point] = _Feed(forecast)

    def attach(self, features: Features, now: Instant) -> Features:
        """The features with those forecasts that are worth it."""
        if not self._feeds:
            return features
        used = {}
        for point, feed in self._feeds.items():
            self._compare(point, feed, features, now.unix_s)
            state = feed.state(now.unix_s)
            self._tell(point, feed, state)
            if state == "used":
                used[point] = feed.forecast
        return replace(features, forecasts=used)

    def _compare(self, point: str, feed: _Feed, features: Features, now_s: float) -> None:
        measured = latest(features, point)
        if not math.isfinite(measured):
            return  # A price that nobody measures is believed as long as it is fresh.
        while feed.pending and feed.pending[0][0] <= now_s:
            at_s, foretold, persisted = feed.pending.popleft()
            if now_s - at_s < EVERY_S / 2.0:
                feed.misses.append((abs(foretold - measured), abs(persisted - measured)))
        if now_s - feed.asked_s >= EVERY_S - 1.0 and feed.forecast[0][-1] >= now_s + AHEAD_S:
            feed.asked_s = now_s
            persisted = repeat_days(grid_of(features).mean(point), measured)[round(AHEAD_S / STEP_S) - 1]
            foretold = float(np.interp(now_s + AHEAD_S, *feed.forecast))
            feed.pending.append((now_s + AHEAD_S, foretold, float(persisted)))

    def _tell(self, point: str, feed: _Feed, state: str) -> None:
        if state == feed.told:
            return
        was, feed.told = feed.told, state
        if state == "worse":
            ours, theirs = feed.mean_misses()
            self.notes.append(
                f"the forecast of {point} is left: three hours ahead it misses by {ours:.2g} in the mean, "
                f"the days before by {theirs:.2g}"
            )
        elif state == "stale":
            self.notes.append(f"the forecast of {point} is left: it does not reach six hours ahead any more")
        elif was:
            self.notes.append(f"the forecast of {point} is used again")
