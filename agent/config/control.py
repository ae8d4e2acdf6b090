"""What the agent may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Positive, Section
from agent.equipment.energy import Aim, Together, Units


class UnitsEntry(Section):
    """Points whose values together never fall below `least`."""

    points: Annotated[tuple[str, ...], Field(min_length=1)]
    least: Positive


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
    objective: Aim = "energy"
    """What the planner minimizes for the whole site: kilowatt-hours, money or carbon, electricity and gas."""
    peak_kw: Positive | None = None
    """The site's power stays below this: machines wait for one another."""
    peak_meter: str | None = None
    """The meter that sees the whole site."""
    units: tuple[UnitsEntry, ...] = ()
    """Machines of which some must stay: N+1."""
    heartbeat: str | None = None
    """A writable point that we count up each cycle."""

    def together(self) -> Together:
        """As the strategies take it."""
        units = tuple(Units(points=told.points, least=told.least) for told in self.units)
        return Together(peak_kw=self.peak_kw, meter=self.peak_meter, units=units)
