"""The memory driver is true to the protocol of the real ones."""

import math

import pytest

from agent.core.clock import SystemClock
from agent.core.errors import DeviceError
from agent.core.points import Quality
from agent.drivers.memory import MemoryDriver


class Bench:
    """Three points in a dict; may fall silent, refuse, or show something else than it was told."""

    def __init__(self):
        self.values = {"e.a": 21.0, "e.b": math.nan, "e.c": 999.0}
        self.is_silent = False
        self.shows = None

    def read(self):
        if self.is_silent:
            raise DeviceError("no answer")
        return self.values

    def write(self, point, value):
        if point not in self.values:
            raise KeyError(point)
        if value is not None and value > 100:
            raise ValueError(f"{value:g} is above 100")
        self.values[point] = value
        return self.shows


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def driver(bench):
    handles = {"e.a": 3, "e.b": 1, "e.c": 2, "e.missing": 0}
    return MemoryDriver("bench", handles, bench, SystemClock(), dict.fromkeys(handles, "degC"))


async def test_dead_missing_and_impossible_values_are_not_good(driver, columns):
    seen = columns(await driver.poll())
    assert seen[3] == (21.0, Quality.GOOD)
    assert seen[2] == (999.0, Quality.UNCERTAIN)
    assert seen[1][1] == seen[0][1] == Quality.BAD and math.isnan(seen[0][0])


async def test_a_silent_device_raises(driver, bench):
    bench.is_silent = True
    with pytest.raises(DeviceError):
        await driver.poll()


async def test_writes_are_outcomes(driver, bench, command):
    assert (await driver.write(command("e.a", 22.0))).kind == "confirmed"
    assert (await driver.write(command("e.a", None))).kind == "confirmed" and bench.values["e.a"] is None
    assert (await driver.write(command("e.a", 500.0))).kind == "failed"
    assert "e.nobody" in (await driver.write(command("e.nobody", 1.0))).detail
    bench.shows = 25.0
    outcome = await driver.write(command("e.a", 22.0))
    assert (outcome.kind, outcome.read_back, outcome.detail) == ("unconfirmed", 25.0, "the device shows 25")
