"""How to reach an MQTT broker."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.config import upstream as config


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """One entry under `brokers`."""

    host: str
    port: int = config.PLAIN_PORT
    name: str = ""
    """Of the entry."""
    version: Literal["3.1.1", "5"] = "3.1.1"
    tls: Callable[[], ssl.SSLContext] | None = None
    """Called at each connection, so that a renewed certificate is used. Raises ConfigError."""
    username: str | None = None
    password: str | None = None
    client_id: str | None = None
    keepalive_s: int = 15
    """A half-open link is noticed after about twice this (MQTT 3.1.1, 3.1.2.10, and the client's own check)."""

    @property
    def place(self) -> str:
        """For people."""
        return f"broker {self.name} at {self.host}:{self.port}".replace("  ", " ")


def reach(name: str, told: config.Broker) -> Broker:
    """As the site's config tells it. Raises ConfigError when a secret or a certificate cannot be read."""
    if told.tls is not None:
        told.tls.context()  # Read again at each connection; what is wrong from the start is told at the start.
    return Broker(
        name=name,
        host=told.host,
        port=told.port,
        version=told.version,
        tls=None if told.tls is None else told.tls.context,
        username=told.username,
        password=told.password(),
        client_id=told.client_id,
    )
