"""Opens what a line is made of: a TCP or TLS connection, or a serial port; and hears what comes on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from agent.drivers.wire import Place, SerialPlace


class Port(asyncio.Protocol):
    """One connection's two ends for its line."""

    def __init__(self, on_data: Callable[[bytes], None], on_lost: Callable[[Port], None]) -> None:
        self._on_data = on_data
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # pymodbus' serial transport, asyncio's and uvloop's are all of this kind; only two of them say so.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:  # What was closed has nothing to say.
            self._on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._on_lost(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    def close(self) -> None:
        """At once, and without a word to the line."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


async def open_port(place: Place, make: Callable[[], Port]) -> Port:
    """Raises OSError or ConfigError, whose texts a person understands."""
    loop = asyncio.get_running_loop()
    if isinstance(place, SerialPlace):
        return await _open_serial(place, make, loop)
    secure: dict[str, Any] = {} if place.tls is None else {"ssl": place.tls(), "server_hostname": place.host}
    _, port = await loop.create_connection(make, place.host, place.port, **secure)
    return port


async def _open_serial(place: SerialPlace, make: Callable[[], Port], loop: asyncio.AbstractEventLoop) -> Port:
    # Imported when needed: most sites have no serial port.
    from pymodbus.transport.serialtransport import create_serial_connection
    from serial import SerialException

    port = make()
    try:
        await create_serial_connection(
            loop,
            lambda: port,
            place.path,
            baudrate=place.baud,
            bytesize=8,
            parity=place.parity[0].upper(),
            stopbits=place.stop_bits,
            timeout=0,
        )
    except (SerialException, ValueError) as fault:
        raise OSError(f"the serial port cannot be opened: {fault}") from fault
    await asyncio.sleep(0)  # Its set-up waits in the loop's queue, and what that puts there.
    await asyncio.sleep(0)
    return port
