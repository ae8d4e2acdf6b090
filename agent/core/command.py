"""From wish to deed: a proposal is judged, a verdict may carry a command, a command has an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent.core.clock import Instant

Decision = Literal["allow", "clip", "hold", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A wish that a point take a value. Anyone may make one; only the guard turns it into a command."""

    point: str
    value: float
    source: str
    """Who wishes: `planner`, `baseline`, `operator`, `upstream`, `control`."""
    reason: str
    """A sentence for the person on duty."""
    until_mono_s: float
    """After this the wish is void."""
    expects: Mapping[str, float] = field(default_factory=dict)
    """What the wisher predicts, such as `saving_kwh`, `saving_pct`; for the journal and `explain`."""
    limits: tuple[str, ...] = ()
    """What bound it: `low`, `high`, `step` and `hold` of its own limit, `peak` and `reserve` of the site's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A permitted write. Constructed in `agent/safety/guard.py` only."""

    point: str
    value: float | None
    """None: relinquish, the device takes the point back under its own control."""
    source: str
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The guard's judgement of one proposal."""

    kind: Decision
    rule: str
    """Stable name of the rule that decided: see `agent/safety/guard.py`."""
    wish: Proposal
    command: Command | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command."""

    command: Command
    kind: Literal["confirmed", "unconfirmed", "failed"]
    read_back: float | None
    """What the device then showed, in the point's unit; None when it showed nothing (or is released)."""
    detail: str
    at: Instant
