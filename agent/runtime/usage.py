"""What the agent itself uses of the gateway."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from agent.core.clock import wall_s

IMPORTED_S = wall_s()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Figures of this process."""

    memory_peak_mb: float
    """Resident, at its highest."""
    cpu_s: float


def read_usage() -> Usage:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(memory_peak_mb=_memory_peak_mb(usage.ru_maxrss), cpu_s=usage.ru_utime + usage.ru_stime)


def _memory_peak_mb(maxrss: int) -> float:
    """VmHWM of proc(5): getrusage's figure would begin with the size of whoever started us."""
    try:
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError):
        pass
    # Elsewhere: macOS counts in bytes, the BSDs in KiB.
    return maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def since_process_start_s() -> float:
    """Seconds since the kernel started this process (proc(5), field 22 of stat); Linux only, else since import."""
    try:
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
        uptime_s = float(Path("/proc/uptime").read_text("ascii").split()[0])
        return uptime_s - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return wall_s() - IMPORTED_S
