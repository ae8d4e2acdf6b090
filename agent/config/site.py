"""Whose data this is, where it stands, and where samples are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.config.base import Name, Positive, Section

Latitude = Annotated[float, Field(strict=True, ge=-90, le=90)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180)]
OffsetH = Annotated[float, Field(strict=True, ge=-14, le=14)]


class Site(Section):
    """Both names stand in each topic upstream."""

    name: Name
    gateway: Name
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    utc_offset_h: OffsetH = 0.0
    """Local standard time minus UTC, hours."""


class StoreSection(Section):
    """Where samples are kept."""

    path: Path = Path("data/hushwatt.db")
    """Relative to the config file's folder."""
    keep_days: Positive = 400.0
    """Days that the agent lived, so that no clock that jumps drops anything."""
    max_mb: Annotated[float, Field(strict=True, ge=10)] = 2000.0
    commit_s: Annotated[float, Field(strict=True, ge=0.05, le=60)] = 1.0
    """At most so many seconds of samples are at risk when the agent is killed or the power is cut."""
