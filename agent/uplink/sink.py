"""What the tape asks of a way upstream."""

from __future__ import annotations

from typing import Protocol

from agent.core.errors import OperatingError
from agent.uplink.parcel import Parcel


class RefusedError(OperatingError):
    """The far end will never take this parcel, however often it is sent."""


class Sink(Protocol):
    """One way upstream. It keeps no parcel: what was not kept is given to it again."""

    async def run(self) -> None:
        """Keep the way open, for ever. For the agent's task group."""

    async def ready(self) -> None:
        """Return when the far end can be reached."""

    async def stir(self) -> None:
        """Return when there is a sign of life from the far end; for ever none, where a sink has no ear for it."""

    async def send(self, parcel: Parcel) -> int:
        """Return the bytes that left, once the far end has safely kept all of it.

        May be called again before the last call has returned: parcels leave in the order of the calls. Raises
        BrokerError when the way is gone or nothing was confirmed for too long, RefusedError when it is never taken.
        """
