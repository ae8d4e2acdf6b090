"""Secrets stand in a file or in the environment, never in the config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.config.base import Section
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


def _secret(place: str, found: str) -> Problem:
    return Problem(file=place, line=0, key="password", found=found, wanted="a password that the agent can read")
