"""Messages between a broker's socket and our handlers, taken many at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import aiomqtt

MOST_WAITING = 10_000
MOST_WAITING_BYTES = 16_000_000
"""Messages between the socket and our handlers; in a flood the oldest are dropped and counted."""


class Waiting:
    """aiomqtt's own queue costs a task for each message that is taken out, and drops the newest of a flood.

    So it is handed a queue that passes them all on to here.
    """

    def __init__(self, drop: Callable[[], None]) -> None:
        self._messages: deque[aiomqtt.Message] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._drop = drop

    def clear(self) -> None:
        self._messages.clear()
        self._bytes = 0
        self._news.clear()

    def put(self, message: aiomqtt.Message) -> None:
        self._messages.append(message)
        self._bytes += _size(message)
        while len(self._messages) > MOST_WAITING or (self._bytes > MOST_WAITING_BYTES and len(self._messages) > 1):
            self._bytes -= _size(self._messages.popleft())
            self._drop()
        self._news.set()

    async def take(self) -> list[aiomqtt.Message]:
        await self._news.wait()
        return self.rest()

    def rest(self) -> list[aiomqtt.Message]:
        messages = list(self._messages)
        self.clear()
        return messages

    def queue_type(self) -> type[asyncio.Queue[aiomqtt.Message]]:
        put = self.put

        class Passing(asyncio.Queue[aiomqtt.Message]):
            def put_nowait(self, item: aiomqtt.Message) -> None:
                put(item)

        return Passing


def _size(message: aiomqtt.Message) -> int:
    return len(message.payload) if isinstance(message.payload, bytes) else 0
