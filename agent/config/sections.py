"""The small sections: site, clock, store, brokers, equipment, schedule, limits, control, upstream."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from agent.config.base import Name, NotNegative, Number, Port, Positive, Section
from agent.core.errors import ConfigError, Problem

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Site(Section):
    """Whose data this is, and where it stands."""

    name: Name
    gateway: Name
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    utc_offset_h: Annotated[float, Field(ge=-14, le=14)] = 0.0
    """Local standard time minus UTC, hours."""


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
    """A plant that drives our clock, see the plant protocol."""

    kind: Literal["lockstep"]
    broker: str
    prefix: str = "plant"


ClockSection = Annotated[SystemTime | ScaledTime | LockstepTime, Field(discriminator="kind")]


class StoreSection(Section):
    """Where samples are kept."""

    path: Path = Path("data/hushwatt.db")
    """Relative to the config file's folder."""
    keep_days: Positive = 400.0
    commit_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    """At most so many seconds of samples are at risk in a power cut."""


class Broker(Section):
    """An MQTT broker. Secrets stand in a file or in the environment, never here."""

    host: str = Field(min_length=1)
    port: Port = 1883
    username: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    client_id: str | None = None

    def password(self) -> str | None:
        """Read when needed. Raises ConfigError when the file or the variable is not there."""
        if self.password_file is not None:
            try:
                return self.password_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as fault:
                raise ConfigError([_secret(str(self.password_file), type(fault).__name__)]) from None
        if self.password_env is not None:
            try:
                return os.environ[self.password_env]
            except KeyError:
                raise ConfigError([_secret(f"${self.password_env}", "not set")]) from None
        return None


def _secret(place: str, found: str) -> Problem:
    return Problem(file=place, line=0, key="password", found=found, wanted="a password that the agent can read")


class Equipment(Section):
    """A machine or a room."""

    kind: str
    served_by: str | None = None
    """Of a zone: its air handler."""
    serves: str | None = None
    """Of a CRAC: its data room."""
    comfort_low_c: Number = 20.5
    comfort_high_c: Number = 25.5
    inlet_max_c: Number = 27.0
    """ASHRAE TC 9.9, recommended for class A1."""
    cars: Annotated[int, Field(ge=1, le=32)] = 4


class Schedule(Section):
    """When people are expected, local time."""

    start: str = "07:00"
    stop: str = "19:00"
    weekdays: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")

    @field_validator("start", "stop")
    @classmethod
    def _is_time(cls, value: str) -> str:
        if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d|24:00", value):
            raise ValueError('a time of day in quotes, such as "07:30"')
        return value

    def hours(self) -> tuple[float, float]:
        """Start and stop, hours after midnight."""
        (h1, m1), (h2, m2) = (map(int, text.split(":")) for text in (self.start, self.stop))
        return h1 + m1 / 60.0, h2 + m2 / 60.0

    def day_numbers(self) -> tuple[int, ...]:
        """0 is Monday."""
        return tuple(DAYS.index(day) for day in self.weekdays)


class InterlockEntry(Section):
    point: str
    low: float = float("-inf")
    high: float = float("inf")


class LimitEntry(Section):
    """One point's rules; see agent/safety/guard.py for what each does."""

    low: Number
    high: Number
    step: Positive | None = None
    hold_s: NotNegative = 0.0
    needs: tuple[str, ...] = ()
    interlocks: tuple[InterlockEntry, ...] = ()
    release: Number | Literal["relinquish"] = "relinquish"
    source: str = Field(min_length=3)


class Control(Section):
    """What the agent may do."""

    mode: Literal["shadow", "advise", "full"] = "shadow"
    strategy: Literal["planner", "baseline"] = "planner"
    cycle_s: Annotated[float, Field(ge=10, le=3600)] = 900.0
    watch_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    watch_days: Annotated[float, Field(ge=0, le=365)] = 7.0
    heartbeat: str | None = None


class Upstream(Section):
    """Where samples go, and which of them may leave."""

    broker: str
    prefix: str = Field("hushwatt", min_length=1)
    share: Literal["all", "listed", "none"] = "none"
    window: Annotated[int, Field(ge=1, le=64)] = 4
    batch_records: Annotated[int, Field(ge=1, le=10_000)] = 500
