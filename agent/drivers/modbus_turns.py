"""Who may speak on a line: one at a time, commands before polls."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """A lock with two queues: a hand-back must not wait for thirty polls of a slow bus."""

    def __init__(self) -> None:
        self._is_taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    async def take(self, *, is_urgent: bool = False) -> None:
        """Returns when it is our turn; `give` it on afterwards."""
        if not self._is_taken:
            self._is_taken = True
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._urgent if is_urgent else self._others
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give()  # It was our turn already, and we leave.
            raise

    def give(self) -> None:
        for queue in (self._urgent, self._others):
            while queue:
                following = queue.popleft()
                if not following.done():
                    following.set_result(None)
                    return
        self._is_taken = False


class Turn:
    """`async with`: ours from its beginning to its end."""

    __slots__ = ("_is_urgent", "_turns")

    def __init__(self, turns: Turns, *, is_urgent: bool) -> None:
        self._turns = turns
        self._is_urgent = is_urgent

    async def __aenter__(self) -> None:
        await self._turns.take(is_urgent=self._is_urgent)

    async def __aexit__(self, *_: object) -> None:
        self._turns.give()
