"""An upstream with moods: it acknowledges late, repeats old acknowledgements, forgets to answer; it never lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from agent.core.batch import Ack, Batch
from agent.core.errors import BrokerError
from agent.uplink.memory import MemoryLink
from simulator.storm.laws import LawBroken


class Upstream:
    """What has been kept for good, across all lives of the agent."""

    def __init__(self, seed: int) -> None:
        self.dice = np.random.default_rng([seed, 78])
        self.kept: dict[int, str] = {}
        """seq -> digest of its record."""
        self.samples = 0
        self.last = 0
        """All up to here have been kept, without a gap."""
        self.is_down = self.is_calm = False
        self.check: Callable[[dict[str, Any]], None] = lambda record: None
        """Called with each scan that is new; raises LawBroken when it is not what the device showed."""

    def keep(self, batch: Batch) -> None:
        """Go-back-N may repeat; what it repeats must be the same, and nothing may be left out."""
        for record in batch.records:
            seq, told = record["seq"], _digest(record)
            if seq in self.kept:
                if self.kept[seq] != told:
                    raise LawBroken(f"a record that was sent again is the same: seq {seq}")
                continue
            if seq != self.last + 1:
                raise LawBroken(f"no acknowledged record is missing: {seq} came after {self.last}")
            self.kept[seq] = told
            self.last = seq
            if record["kind"] == "scan":
                self.samples += len(record["values"])
                self.check(record)


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=repr).encode()).hexdigest()[:16]


class MoodyLink(MemoryLink):
    """One life's link to the upstream."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self._upstream = upstream
        self.is_cut = False

    async def send(self, batch: Batch) -> Ack:
        """Raises BrokerError when the link is down, or the answer was lost."""
        if self.is_cut:  # Of a dead process nothing arrives; whoever tidies up in it must not wait.
            return Ack(acked=batch.last_seq)
        if self._upstream.is_down:
            raise BrokerError("the link is down")
        mood = 0.5 if self._upstream.is_calm else self._upstream.dice.random()
        if mood < 0.03:
            raise BrokerError("lost on the way")
        self._upstream.keep(batch)
        if mood < 0.06:
            raise BrokerError("the acknowledgement was lost")
        acked = self._upstream.last if mood < 0.9 else max(0, batch.first_seq - 1)
        self.last_ack = Ack(acked=acked)
        return self.last_ack

    def look(self) -> None:
        """The link may have come back."""
        if self._upstream.is_down:
            self.go_down()
        else:
            self.come_up()
