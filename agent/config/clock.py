"""Whose time it is: the gateway's, a faster one, or an outside plant's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, field_validator

from agent.config.base import Positive, Section, Topic


class SystemTime(Section):
    """The gateway's own clock."""

    kind: Literal["system"] = "system"


class ScaledTime(Section):
    """Time that runs `speed` times as fast, against a simulated plant."""

    kind: Literal["scaled"]
    speed: Positive
    start_utc: datetime

    @property
    def start_unix_s(self) -> float:
        return self.start_utc.timestamp()

    @field_validator("start_utc")
    @classmethod
    def _has_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time with its zone, such as 2026-07-01T00:00:00Z")
        return value


class LockstepTime(Section):
    """A plant that drives our clock; the agent answers each of its steps."""

    kind: Literal["lockstep"]
    broker: str
    prefix: Topic = "plant"


ClockSection = Annotated[SystemTime | ScaledTime | LockstepTime, Field(discriminator="kind")]
