"""What goes upstream and what comes back for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A run of outbox records, in order."""

    first_seq: int
    last_seq: int
    records: Sequence[dict[str, Any]]
    """JSON-able; each has `seq`, `kind` (scan or entry), `unix_s`; a scan carries columns by point name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The receiver has safely kept every record up to and including `acked`."""

    acked: int
