"""The envelope as it stands in the file: what may be written to each point."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from agent.config.base import NotNegative, Number, Positive, Section
from agent.core.limits import Interlock, Limit


def _is_release(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number and value != "relinquish":
        raise ValueError("relinquish, or a number")
    return value


Release = Annotated[float | Literal["relinquish"], BeforeValidator(_is_release)]


class InterlockEntry(Section):
    """Forbids every move while another point is outside low..high; an end that is left out is open."""

    point: str
    low: Number | None = None
    high: Number | None = None

    def interlock(self) -> Interlock:
        """As the gate takes it."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return Interlock(point=self.point, low=low, high=high)


class LimitEntry(Section):
    """One point's rules; see agent/safety/guard.py for what each does."""

    low: Number
    high: Number
    step: Positive | None = None
    hold_s: NotNegative = 0.0
    needs: tuple[str, ...] = ()
    interlocks: tuple[InterlockEntry, ...] = ()
    release: Release = "relinquish"
    source: str = Field(min_length=3)

    def limit(self, point: str) -> Limit:
        """As the gate takes it."""
        return Limit(
            point=point,
            low=self.low,
            high=self.high,
            step=math.inf if self.step is None else self.step,
            hold_s=self.hold_s,
            needs=self.needs,
            interlocks=tuple(told.interlock() for told in self.interlocks),
            release=self.release,
            source=self.source,
        )
