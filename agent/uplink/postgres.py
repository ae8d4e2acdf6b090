"""Upstream straight into PostgreSQL or TimescaleDB, for small sites: no broker, no receiver. Its COMMIT is its word."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from agent.config import sinks as config
from agent.core.clock import Clock
from agent.core.errors import BrokerError
from agent.core.pauses import UPSTREAM_PAUSE_S, Pauses
from agent.runtime.tasks import obey_cancel
from agent.uplink.parcel import Parcel
from agent.uplink.postgres_tables import FAULTS, Tables, is_refusal
from agent.uplink.registry import Place
from agent.uplink.sink import RefusedError

log = logging.getLogger(__name__)

CONNECT_S = 5.0
LOOK_S = 0.5
BYTES_A_SAMPLE = 12
"""An element of a float8[] in binary COPY: its length and itself (PostgreSQL, array_send)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """How to reach it."""

    host: str
    """Or the folder of its socket."""
    port: int
    database: str
    username: str
    password: str | None = None
    tls: ssl.SSLContext | None = None


def make(told: config.PostgresSink, place: Place) -> PostgresSink:
    """As the site's config tells it. Raises ConfigError."""
    database = Database(
        host=told.host,
        port=told.port,
        database=told.database,
        username=told.username or "hushwatt",
        password=told.password(),
        tls=told.tls.context() if told.tls else None,
    )
    return PostgresSink(database, place.clock, site=place.site, gateway=place.gateway)


class PostgresSink:
    """One connection, one transaction a parcel."""

    def __init__(self, database: Database, clock: Clock, *, site: str, gateway: str, answer_s: float = 30.0) -> None:
        self._database = database
        self._clock = clock
        self._where = (site, gateway)
        self._answer_s = answer_s
        self._tables: Tables | None = None
        self._connection: asyncpg.Connection[Any] | None = None
        self._order = asyncio.Lock()
        self._up = asyncio.Event()
        self._pauses = Pauses(first_s=0.5, longest_s=UPSTREAM_PAUSE_S, seed=f"{database.host} {database.database}")
        self._told_down = False
        self.connections = 0

    async def ready(self) -> None:
        await self._up.wait()

    async def stir(self) -> None:
        await asyncio.Event().wait()  # `ready` says it all.

    async def run(self) -> None:
        with self._clock.on_wall():
            while True:
                try:
                    await self._live()
                except FAULTS as fault:
                    self._tell_down(fault)
                obey_cancel()
                await asyncio.sleep(self._pauses.next())

    async def _live(self) -> None:
        told = self._database
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            host=told.host,
            port=told.port,
            user=told.username,
            password=told.password,
            database=told.database,
            ssl=told.tls or False,
            timeout=CONNECT_S,
            command_timeout=self._answer_s,
        )
        try:
            tables = Tables(connection)
            await tables.create()
            self._come_up(connection, tables)
            while not connection.is_closed():  # noqa: ASYNC110 - asyncpg tells nobody
                await asyncio.sleep(LOOK_S)
        finally:
            self._tables = self._connection = None
            self._up.clear()
            connection.terminate()
        raise OSError("the connection ended")

    def _come_up(self, connection: asyncpg.Connection[Any], tables: Tables) -> None:
        self._connection, self._tables = connection, tables
        self._pauses.reset()
        self.connections += 1
        self._up.set()
        if self._told_down:
            self._told_down = False
            log.warning("uplink: PostgreSQL at %s answers again", self._database.host)

    def _tell_down(self, fault: Exception) -> None:
        if not self._told_down:
            self._told_down = True
            log.warning("uplink: PostgreSQL at %s cannot be reached: %s", self._database.host, fault)

    async def send(self, parcel: Parcel) -> int:
        with self._clock.hold():
            async with self._order:
                tables = self._tables
                if tables is None:
                    raise BrokerError("not connected to PostgreSQL")
                try:
                    await tables.keep([(*self._where, parcel)])
                except FAULTS as fault:
                    if is_refusal(fault):
                        raise RefusedError(str(fault)) from fault
                    raise self._gone(fault) from fault
        return parcel.samples * BYTES_A_SAMPLE

    def _gone(self, fault: Exception) -> BrokerError:
        """End the connection: what it still has in hand must not come later."""
        if self._connection is not None:
            with suppress(asyncpg.InterfaceError, OSError):
                self._connection.terminate()
        self._up.clear()
        return BrokerError(f"PostgreSQL did not take the batch: {fault or type(fault).__name__}")
