"""Bends wishes into the envelope, so that the guard finds nothing to clip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.limits import Envelope

UNTIL_S = 3600.0
"""A wish that is not repeated by then is void: two of the longest cycles that a config may ask for."""


@dataclass(slots=True)
class _Last:
    value: float
    mono_s: float


class Shaper:
    """Knows the limits and what we last wished for each point; one for each strategy."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._last: dict[str, _Last] = {}

    def has(self, point: str) -> bool:
        return point in self._envelope

    def low(self, point: str, otherwise: float) -> float:
        limit = self._envelope.get(point)
        return otherwise if limit is None else limit.low

    def high(self, point: str, otherwise: float) -> float:
        limit = self._envelope.get(point)
        return otherwise if limit is None else limit.high

    def step(self, point: str, otherwise: float) -> float:
        """The largest move, never more than `otherwise`."""
        limit = self._envelope.get(point)
        return otherwise if limit is None else min(limit.step, otherwise)

    def bend(self, point: str, wish: float, present: float, now: Instant, *, dead_band: float = 0.0) -> float | None:
        """The nearest permitted value, or None when the point has no limit or its present value is unknown.

        Within `hold_s` of our last move, and for changes within the dead band, the last wish stands.
        """
        limit = self._envelope.get(point)
        if limit is None or not (math.isfinite(present) and math.isfinite(wish)):
            return None
        last = self._last.get(point)
        followed = last is not None and abs(last.value - present) <= 0.011  # A register's hundredth.
        if last is not None and followed:
            too_soon = now.mono_s - last.mono_s < limit.hold_s
            if too_soon or abs(wish - last.value) <= dead_band:
                return last.value
        stepped = max(present - limit.step, min(present + limit.step, wish))
        value = max(limit.low, min(limit.high, stepped))
        if last is None or not followed or abs(value - last.value) > 1e-9:
            self._last[point] = _Last(value, now.mono_s)
        return value

    def propose(
        self,
        point: str,
        wish: float,
        present: float,
        now: Instant,
        *,
        source: str,
        reason: str,
        expects: Mapping[str, float] | None = None,
        dead_band: float = 0.0,
    ) -> Proposal | None:
        """The bent wish as a proposal; None where `bend` gives none."""
        value = self.bend(point, wish, present, now, dead_band=dead_band)
        if value is None:
            return None
        bound = self._bound(point, wish, present, value) if abs(wish - value) > max(dead_band, 0.005) else ()
        return Proposal(
            point=point,
            value=round(value, 2),
            source=source,
            reason=reason,
            until_mono_s=now.mono_s + UNTIL_S,
            expects=expects or {},
            limits=bound,
        )

    def _bound(self, point: str, wish: float, present: float, value: float) -> tuple[str, ...]:
        """Which of the point's limits the wish met."""
        limit = self._envelope[point]
        met = {
            "low": wish < limit.low and value <= limit.low + 1e-6,
            "high": wish > limit.high and value >= limit.high - 1e-6,
            "step": abs(wish - present) > limit.step and abs(value - present) >= limit.step - 1e-6,
        }
        return tuple(name for name, is_met in met.items() if is_met) or ("hold",)

    def forget(self, prefix: str) -> None:
        """The machine was handed back: its next move is a first one."""
        self._last = {point: last for point, last in self._last.items() if not point.startswith(prefix)}
