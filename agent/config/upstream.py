"""MQTT brokers, and what goes upstream. Secrets stand in a file or in the environment, never here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from agent.config.base import Host, Port, Section, Topic
from agent.core.errors import ConfigError, Problem

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Broker(Section):
    """An MQTT broker."""

    host: Host
    port: Port = 1883
    username: str | None = None
    password_file: Path | None = None
    """May begin with a variable, such as `$CREDENTIALS_DIRECTORY/plant` (systemd's LoadCredential)."""
    password_env: Variable | None = None
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


class Upstream(Section):
    """Where samples go, and which of them may leave."""

    broker: str
    prefix: Topic = "hushwatt"
    share: Literal["all", "listed", "none"] = "none"
    window: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    batch_records: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 500
