"""An upstream with moods: it forgets what it was given, or to say that it has it; it never lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from agent.core.errors import BrokerError
from agent.uplink.memory import MemorySink
from agent.uplink.parcel import Parcel
from simulator.storm.laws import LawBroken
from simulator.wires.upstream import rows_of


class Upstream:
    """What has been kept for good, across all lives of the agent."""

    def __init__(self, seed: int) -> None:
        self.dice = np.random.default_rng([seed, 78])
        self.kept: dict[int, str] = {}
        """seq -> digest of its record."""
        self.samples = 0
        self.is_down = self.is_calm = False
        self.check: Callable[[dict[str, Any]], None] = lambda record: None
        """Called with each scan that is new; raises LawBroken when it is not what the device showed."""

    def keep(self, parcel: Parcel) -> None:
        """It may repeat; what it repeats must be the same, and nothing of a stretch may be left out."""
        told = {record["seq"]: record for record in rows_of(parcel)}
        for seq in range(parcel.first_seq, parcel.last_seq + 1):
            if seq not in told:
                raise LawBroken(f"no acknowledged record is missing: seq {seq}")
            self._keep_one(told[seq])

    def _keep_one(self, record: dict[str, Any]) -> None:
        seq, digest = record["seq"], _digest(record)
        if seq in self.kept:
            if self.kept[seq] != digest:
                raise LawBroken(f"a record that was sent again is the same: seq {seq}")
            return
        self.kept[seq] = digest
        if record["kind"] == "scan":
            self.samples += len(record["values"])
            self.check(record)

    @property
    def last(self) -> int:
        """All up to here have been kept; 0 while there is a gap."""
        return len(self.kept) if max(self.kept, default=0) == len(self.kept) else 0


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, default=repr).encode()).hexdigest()[:16]


class MoodySink(MemorySink):
    """One life's way to the upstream."""

    def __init__(self, upstream: Upstream) -> None:
        super().__init__()
        self._upstream = upstream
        self.is_cut = False

    async def send(self, parcel: Parcel) -> int:
        """Raises BrokerError when the link is down, or the answer was lost."""
        if self.is_cut:  # Of a dead process nothing arrives; whoever tidies up in it must not wait.
            return 0
        if self._upstream.is_down:
            raise BrokerError("the link is down")
        mood = 0.5 if self._upstream.is_calm else self._upstream.dice.random()
        if mood < 0.03:
            raise BrokerError("lost on the way")
        self._upstream.keep(parcel)
        if mood < 0.06:
            raise BrokerError("the acknowledgement was lost")
        return 0

    def look(self) -> None:
        """The link may have come back."""
        if self._upstream.is_down:
            self.go_down()
        else:
            self.come_up()
