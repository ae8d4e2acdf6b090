"""What the tape asks of a way upstream."""

from __future__ import annotations

from typing import Protocol

from agent.core.batch import Ack
from agent.core.protocols import Sink


class Link(Sink, Protocol):
    """A sink that knows whether the other end can be reached.

    `send` may be called again before the last call has returned: the batches leave in the order of the calls. It raises
    BrokerError when the link goes down, or when no acknowledgement has made progress for too long.
    """

    last_ack: Ack | None
    """The newest acknowledgement heard, also one that nobody waits for any more."""

    async def run(self) -> None:
        """Keep the link up, for ever. For the agent's task group."""

    async def ready(self) -> None:
        """Return when the link is up."""
