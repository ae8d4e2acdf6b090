"""One TCP connection to one host and port, shared by the units behind it; one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from agent.core.clock import Clock
from agent.core.errors import DeviceError
from agent.runtime.tasks import obey_cancel


class SilentError(DeviceError):
    """Asked, and no answer came."""


class ModbusLine:
    """Connects when first asked and again after each fault; keeps no task of its own.

    The growing, jittered pauses between tries are the poller's, one for each unit: a line that paused as well would
    make a hand-back wait that could be written now.
    """

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self.place = f"{host}:{port}"
        self._host = host
        self._port = port
        self._clock = clock
        self._client: AsyncModbusTcpClient | None = None
        self._turn = asyncio.Lock()
        self.requests = 0
        self.connections = 0

    async def ask(
        self,
        call: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]],
        *,
        timeout_s: float,
        pause_s: float,
        what: str,
    ) -> ModbusPDU:
        """The device's answer, which may be an exception response. Raises DeviceError that names `what`."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._clock.io_s(timeout_s)):
                    client = await self._connected(timeout_s, what)
                    self.requests += 1
                    answer = await call(client)
                obey_cancel()
            except (ModbusException, TimeoutError, OSError) as fault:
                # Begin anew with nothing under way. Transaction ids would tell a late answer apart, but not half of
                # one (the library forgets the first half), nor one from a device that answers with the id 0.
                self._drop()
                raise SilentError(f"{what} at {self.place}: {_said(fault)}") from fault
            except asyncio.CancelledError:
                self._drop()
                raise
            if pause_s:
                await asyncio.sleep(self._clock.io_s(pause_s))
            return answer

    async def _connected(self, timeout_s: float, what: str) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        # The library's own retries wait under its lock, and its reconnecting begins only after a first success.
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._clock.io_s(timeout_s), retries=0, reconnect_delay=0
        )
        try:
            is_in = await client.connect()
        except BaseException:
            client.close()
            raise
        if not is_in:
            client.close()
            raise DeviceError(f"{what} at {self.place}: connection refused or unreachable")
        self._client = client
        self.connections += 1
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def close(self) -> None:
        self._drop()


def _said(fault: Exception) -> str:
    if isinstance(fault, TimeoutError) or "No response received" in str(fault):
        return "no answer in time"
    return str(fault).removeprefix("Modbus Error: ") or type(fault).__name__
