"""Secrets stand in a file or in the environment, never in the config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from agent.config.base import Section
from agent.config.tls import Tls
from agent.core.errors import ConfigError, Problem

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Login(Section):
    """Who we are to the other end."""

    username: str | None = None
    password_file: Path | None = None
    """May begin with a variable, such as `$CREDENTIALS_DIRECTORY/plant` (systemd's LoadCredential)."""
    password_env: Variable | None = None

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


class SafeLogin(Login):
    """The same by TLS, where it is asked for."""

    host: str
    tls: Tls | None = None
    """`true` is short for `{}`: encrypted, and believed if the system believes its certificate."""

    @field_validator("tls", mode="before")
    @classmethod
    def _is_short(cls, told: Any) -> Any:
        return {True: {}, False: None}[told] if isinstance(told, bool) else told


def _secret(place: str, found: str) -> Problem:
    return Problem(file=place, line=0, key="password", found=found, wanted="a password that the agent can read")
