"""A small site and scans of it."""

import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from agent.core.clock import Instant, SystemClock
from agent.core.journal import Entry
from agent.core.points import Kind, PointSpec, PointTable
from agent.core.scan import Scan
from agent.store.store import Store

START = 1_750_000_000.0
NAMES = ("zone1.zone_air_temperature", "zone1.co2_level", "meter1.electric_energy", "zone1.occupancy_count")


@dataclass
class Site:
    """Makes the rows that the store is given."""

    table: PointTable

    def scan(self, after_s, values, *, handles=None, quality=None, is_set=True, device="bms"):
        handles = range(len(values)) if handles is None else handles
        return Scan(
            device=device,
            handles=np.array(handles, np.int32),
            values=np.array(values, np.float64),
            quality=np.array(quality or [0] * len(values), np.uint8),
            at=Instant(unix_s=START + after_s, mono_s=1000.0 + after_s, is_set=is_set),
        )

    def entry(self, after_s, text, *, subject="agent", **data):
        at = Instant(unix_s=START + after_s, mono_s=1000.0 + after_s)
        return Entry(at=at, kind="agent", subject=subject, text=text, data=data)


def build_table(shared=(0, 1, 2), units=("degC", "ppm", "kWh", "count")):
    return PointTable(
        [
            PointSpec(id=name, unit=unit, kind=Kind.SENSOR, poll_s=60.0, fresh_s=300.0, share=place in shared)
            for place, (name, unit) in enumerate(zip(NAMES, units, strict=True))
        ]
    )


@pytest.fixture(scope="session")
def site():
    return Site(build_table())


@pytest.fixture(scope="session")
def table_of():
    return build_table


@pytest.fixture
def disk_of(tmp_path):
    """A disk of so many kB, or a skipped test where nobody lets us mount one."""
    folder = tmp_path / "disk"
    mounted = []

    def mount(size_kb):
        folder.mkdir()
        told = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", folder]
        if subprocess.run(told, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs the right to mount a tmpfs")
        mounted.append(folder)
        return folder

    yield mount
    for one in mounted:
        subprocess.run(["umount", "-l", one], check=True)


@pytest.fixture
async def store(tmp_path, site):
    store = await Store.open(tmp_path / "store.db", site.table, SystemClock())
    yield store
    await store.close()
