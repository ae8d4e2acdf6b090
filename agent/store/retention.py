"""When the store is too old or too large: compact, thin out, drop what upstream has, drop the oldest; least dear first.

Age is that of the agent's own life on this store, not of the calendar: a clock that jumps ten years deletes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much may be kept; None is without a bound."""

    keep_days: float | None = None
    max_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """What was let go of, in words and figures."""

    text: str
    data: dict[str, object] = field(default_factory=dict)


def retain(keeper: object, bounds: Bounds) -> Sequence[Shed]:
    return ()
