"""MQTT brokers, and what goes upstream. Secrets stand in a file or in the environment, never here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from agent.config.base import Host, Port, Section, Topic
from agent.config.tls import Tls
from agent.core.errors import ConfigError, Problem

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


PLAIN_PORT, TLS_PORT = 1883, 8883
"""Registered with IANA as mqtt and secure-mqtt."""


class Broker(Section):
    """An MQTT broker."""

    host: Host
    port: Port = PLAIN_PORT
    """With tls 8883, when nothing else is said."""
    tls: Tls | None = None
    """`true` is short for `{}`: encrypted, and believed if the system believes its certificate."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    """Of the protocol."""
    username: str | None = None
    password_file: Path | None = None
    """May begin with a variable, such as `$CREDENTIALS_DIRECTORY/plant` (systemd's LoadCredential)."""
    password_env: Variable | None = None
    client_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_port(cls, told: Any) -> Any:
        return {**told, "port": TLS_PORT} if isinstance(told, dict) and told.get("tls") and "port" not in told else told

    @field_validator("tls", mode="before")
    @classmethod
    def _is_short(cls, told: Any) -> Any:
        return {True: {}, False: None}[told] if isinstance(told, bool) else told

    @field_validator("version", mode="before")
    @classmethod
    def _is_text(cls, told: Any) -> Any:
        return str(told) if type(told) is int else told

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
