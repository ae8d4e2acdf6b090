"""The envelope: what may be written to each point. No limit, no write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """Forbids every move of a point while another point is outside low..high."""

    point: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One writable point's rules."""

    point: str
    low: float
    high: float
    step: float = math.inf
    """Largest change of one command, in the point's unit."""
    hold_s: float = 0.0
    """Least time between two moves, seconds."""
    needs: tuple[str, ...] = ()
    """Points that must be good and fresh; without them we are blind and the machine is handed back."""
    interlocks: tuple[Interlock, ...] = ()
    release: float | Literal["relinquish"] = "relinquish"
    """Where the point goes when it is let go: a value to write, or the device's own control."""
    source: str = ""
    """The sheet or the person that said so."""


Envelope = Mapping[str, Limit]
