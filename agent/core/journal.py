"""The journal's line: what happened, to what, in words and in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.clock import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    at: Instant
    kind: str
    """`verdict`, `outcome`, `lease`, `device`, `clock`, `plan`, `learn`, `store`, `uplink`, `shared`, `inbox`, or
    `agent`.
    """
    subject: str
    """A point, device or equipment id, or the agent's room."""
    text: str
    """A sentence for a person."""
    data: Mapping[str, object] = field(default_factory=dict)
    """JSON-able figures behind the sentence."""
