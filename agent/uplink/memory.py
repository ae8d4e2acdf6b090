"""An upstream in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.core.errors import BrokerError
from agent.uplink.parcel import Parcel


class MemorySink:
    """The upstream as a list: for tests in virtual time, and for a site that sends nothing anywhere."""

    def __init__(self, take: Callable[[Parcel], None] | None = None, *, delay_s: float = 0.0) -> None:
        """`take` may raise what a sink's `send` may raise."""
        self.parcels: list[Parcel] = []
        """Every parcel that was kept, repeats included."""
        self._take = take or self.parcels.append
        self._delay_s = delay_s
        self._up = asyncio.Event()
        self._up.set()

    def go_down(self) -> None:
        self._up.clear()

    def come_up(self) -> None:
        self._up.set()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def ready(self) -> None:
        await self._up.wait()

    async def stir(self) -> None:
        await asyncio.Event().wait()

    async def send(self, parcel: Parcel) -> int:
        await asyncio.sleep(self._delay_s)
        if not self._up.is_set():
            raise BrokerError("the link in memory is down")
        self._take(parcel)
        return 0
