"""Whose data leaves, why, to whom, how finely, and for how long. What no rule speaks of stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Name, Positive, Section

SPANS_S = {"raw": 0, "minute": 60, "hour": 3600}
Text = Annotated[str, Field(min_length=1)]


class DataUse(Section):
    """One rule; of several that speak of a point and a recipient, the first decides."""

    points: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Ids, or patterns with `*`."""
    owner: Text
    purpose: Text
    recipients: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Sinks."""
    resolution: Literal["raw", "minute", "hour", "never"]
    retention_days: Positive | None = None
    """How long the recipient may keep it; left out, nothing was agreed."""

    def speaks_of(self, point: str) -> bool:
        return any(fnmatchcase(point, pattern) for pattern in self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a sink gets a point."""

    owner: str
    purpose: str
    span_s: int
    """0: as read; else means of so many seconds."""
    retention_days: float | None = None


def terms_of(rules: Sequence[DataUse], point: str, sink: str) -> Terms | DataUse | None:
    """What the first rule says; the rule itself where it forbids, None where none speaks of it."""
    rule = next((rule for rule in rules if sink in rule.recipients and rule.speaks_of(point)), None)
    if rule is None or rule.resolution == "never":
        return rule
    return Terms(
        owner=rule.owner,
        purpose=rule.purpose,
        span_s=SPANS_S[rule.resolution],
        retention_days=rule.retention_days,
    )
