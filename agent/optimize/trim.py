"""Trim and respond: a set-point drifts to where it costs least, and comes back as fast as somebody asks.

ASHRAE Guideline 36-2021, 5.1.14: each period the set-point is trimmed by a fixed amount; when more than the ignored
number of requests are there, it responds by an amount each request more, bounded each period.
"""

from __future__ import annotations

from dataclasses import dataclass

PERIOD_S = 120.0
"""T of Guideline 36, 5.16.2.2."""
PERIODS_MOST = 5.0
"""It never goes further at once than in ten minutes: a set-point that was left alone for hours must not jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """One set-point's figures, in its unit a period; `respond` and `respond_most` point the other way than `trim`."""

    trim: float
    respond: float
    respond_most: float
    ignored: int = 0

    def move(self, requests: int, since_s: float) -> float:
        """How far it goes after `since_s` in which so many asked."""
        periods = max(0.0, min(since_s / PERIOD_S, PERIODS_MOST))
        asked = max(0, requests - self.ignored)
        if asked == 0:
            return self.trim * periods
        bound = abs(self.respond_most)
        return max(-bound, min(bound, self.respond * asked)) * periods


SUPPLY_AIR = Trim(trim=0.1, respond=-0.2, respond_most=-0.6)
"""K: Guideline 36, 5.16.2.2; it ignores two requests, we ignore none, for our air handlers have few zones."""
CHILLED_WATER = Trim(trim=0.05, respond=-0.2, respond_most=-0.4)
"""K (our choice: water is slower than air; Guideline 36, 5.20.5, resets it by plant requests in per cent)."""
RACK_SUPPLY = Trim(trim=0.05, respond=-0.1, respond_most=-0.3)
RACK_FAN = Trim(trim=-0.4, respond=0.8, respond_most=2.0)
"""K and per cent of fan speed (our choice: a data room follows within minutes)."""
