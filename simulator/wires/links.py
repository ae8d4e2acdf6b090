"""Stops and starts brokers as faults of the links begin and end: the plant's own, and the one of upstream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from simulator.faults import Fault
from simulator.wires.broker import Broker, BrokerFault

log = logging.getLogger(__name__)

STRIKES = {"broker-down": "plant", "link-down": "upstream"}
"""Kind of fault -> the broker whose process is killed; it begins again on its port, with what it had stored."""
TRIES, PAUSE_S = 5, 0.5
"""A port may be taken for a moment by a connection that is still closing."""


class Links:
    """All brokers of a simulation, by name."""

    def __init__(self, brokers: Mapping[str, Broker], faults: Sequence[Fault]) -> None:
        self._brokers = brokers
        self._faults = [fault for fault in faults if STRIKES.get(fault.kind) in brokers]

    async def look(self, unix_s: float) -> None:
        """It is this instant now, simulated time. Raises BrokerFault when one cannot come back."""
        down = {STRIKES[fault.kind] for fault in self._faults if fault.is_on(unix_s)}
        for name in {STRIKES[fault.kind] for fault in self._faults}:
            broker = self._brokers[name]
            if name in down and broker.is_running:
                log.warning("links: the broker of the %s goes down", name)
                broker.kill()
            elif name not in down and not broker.is_running:
                await _start(broker)
                log.warning("links: the broker of the %s is up again", name)


async def _start(broker: Broker) -> None:
    for left in reversed(range(TRIES)):
        try:
            await broker.start()
        except BrokerFault:
            if not left:
                raise
            await asyncio.sleep(PAUSE_S)
        else:
            return
