"""What the agent may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Section


class Control(Section):
    """`shadow` plans and writes nothing; `advise` too, and tells; `full` writes within the limits."""

    mode: Literal["shadow", "advise", "full"] = "shadow"
    strategy: Literal["planner", "baseline"] = "planner"
    cycle_s: Annotated[float, Field(strict=True, ge=10, le=1800)] = 900.0
    """From plan to plan."""
    watch_s: Annotated[float, Field(strict=True, ge=1, le=3600)] = 60.0
    """From look to look for reasons to hand a machine back."""
    watch_days: Annotated[float, Field(strict=True, ge=0, le=365)] = 7.0
    """Nothing is written before so many days of samples are there."""
    heartbeat: str | None = None
    """A writable point that we count up each cycle."""
