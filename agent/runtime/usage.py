"""What the agent itself uses of the gateway."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Figures of this process, from getrusage(2)."""

    memory_peak_mb: float
    cpu_s: float


def read_usage() -> Usage:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(memory_peak_mb=usage.ru_maxrss * unit / 1e6, cpu_s=usage.ru_utime + usage.ru_stime)
