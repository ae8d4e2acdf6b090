"""An upstream in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.core.batch import Ack, Batch
from agent.core.errors import BrokerError


class MemoryLink:
    """The upstream as two lists: for tests in virtual time, and for a site that sends nothing anywhere."""

    def __init__(self, answer: Callable[[Batch], int] | None = None, *, delay_s: float = 0.0) -> None:
        self.batches: list[Batch] = []
        """Every batch that arrived, repeats included."""
        self.kept = 0
        self.last_ack: Ack | None = None
        self._answer = answer or self._keep
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

    async def send(self, batch: Batch) -> Ack:
        await asyncio.sleep(self._delay_s)
        if not self._up.is_set():
            raise BrokerError("the link in memory is down")
        self.batches.append(batch)
        self.last_ack = Ack(acked=self._answer(batch))
        return self.last_ack

    def _keep(self, batch: Batch) -> int:
        self.kept = max(self.kept, batch.last_seq)
        return self.kept
