"""Many worlds in step: each lives alone, meters agree with books, money follows the clock, faults come and go."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from simulator.faults import Fault
from simulator.parts import SUB_STEP_S, Array, Part, follow
from simulator.physics.weather import CLIMATES, SkyDay, SyntheticSky
from simulator.plant import Permit, ScenarioEndedError, WritablePoint
from simulator.world import Site, Span, Tariff, World, Worlds

MONDAY = date(2019, 7, 1)


class Heater(Part):
    """Draws what it is told, 1 kW by itself; a second end use makes power of its own."""

    def __init__(self, worlds: int, makes_w: float = 0.0, gas_w: float = 0.0) -> None:
        self.points = ("boiler1.electric_power", "boiler1.electric_energy", "boiler1.power_setpoint")
        self.writable = {"boiler1.power_setpoint": WritablePoint(0.0, 5.0)}
        self.permits = {"boiler1.power_setpoint": Permit(0.0, 4.0, 1.0, 60.0)}
        self.equipment = {"boiler1": {"kind": "boiler"}}
        self.uses = ("heating", "pv")
        self.burns_gas = gas_w > 0.0
        self.ailments = {"chiller-trip": ("boiler1",)}
        super().__init__(worlds)
        self.makes_w, self.gas_w = makes_w, np.full(worlds, gas_w)
        self.is_tripped = False

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        self.is_tripped = size is not None

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        power_kw = follow(held[0], 1.0) * (not self.is_tripped)
        self.power_w[0], self.power_w[1] = 1000.0 * power_kw, -self.makes_w
        self.show("boiler1.electric_power", power_kw)
        self.show("boiler1.power_setpoint", power_kw)
        self.books.idle("boiler1", SUB_STEP_S * (power_kw > 0.0), 0.0 * power_kw, 0.0 * power_kw)


def worlds(count=1, days=1, faults=(), tariff=None, firsts=None, **heater) -> Worlds:
    span = Span(learn_days=0, days=days, wire_step_s=900.0)
    firsts = firsts or [MONDAY] * count
    warm = [first - timedelta(days=1) for first in firsts]
    sky = SyntheticSky(CLIMATES["continental"]["summer"], warm, min(warm), days + 1, 48.0, list(range(count)))
    return Worlds(Site(parts=(Heater(count, **heater),), meters={"meter1": ()}), sky, span, firsts, tariff, faults)


def to_the_end(some: Worlds) -> None:
    while some.unix_s < some.end_unix_s:
        some.step()


def test_each_world_holds_its_own():
    three = worlds(3)
    three.hold({"boiler1.power_setpoint": np.array([0.0, 2.0, np.nan])})
    three.step()
    assert three.read()[three.names.index("boiler1.electric_power")] == pytest.approx([0.0, 2.0, 1.0])


@pytest.mark.parametrize("value", [6.0, -0.1, float("nan"), np.array([1.0, 9.0])])
def test_a_value_outside_the_range_is_refused(value):
    with pytest.raises(ValueError, match=r"boiler1\.power_setpoint"):
        worlds(2).hold({"boiler1.power_setpoint": value})


def test_an_unknown_point_is_refused():
    with pytest.raises(KeyError):
        worlds().hold({"boiler1.electric_power": 1.0})


def test_counters_begin_at_nothing_and_agree_with_books_and_meter():
    one = worlds(makes_w=300.0)
    assert one.read()[one.names.index("boiler1.electric_energy"), 0] == 0.0
    to_the_end(one)
    shown = dict(zip(one.names, one.read()[:, 0], strict=True))
    account = one.accounts()[0]
    assert shown["boiler1.electric_energy"] == pytest.approx(24.0)
    assert account.kwh == pytest.approx({"heating": 24.0, "pv": -7.2})
    assert shown["meter1.electric_energy"] == pytest.approx(account.import_kwh) == pytest.approx(16.8)
    assert account.site_kwh == pytest.approx(24.0)
    assert account.export_kwh == 0.0


def test_what_is_not_used_is_sold_at_its_own_price():
    tariff = Tariff(peak_per_kwh=1.0, off_peak_per_kwh=1.0, feed_in_per_kwh=0.1)
    one = worlds(makes_w=3000.0, tariff=tariff)
    to_the_end(one)
    account = one.accounts()[0]
    assert account.import_kwh == pytest.approx(0.0)
    assert account.export_kwh == pytest.approx(48.0)
    assert account.cost == pytest.approx(-4.8)
    assert account.carbon_kg == pytest.approx(0.0)


def test_prices_follow_the_clock_and_the_week():
    tariff = Tariff(peak_per_kwh=2.0, off_peak_per_kwh=1.0, peak_from_h=8.0, peak_to_h=20.0)
    monday, sunday = (worlds(tariff=tariff, firsts=[day]) for day in (MONDAY, date(2019, 7, 7)))
    for some in (monday, sunday):
        to_the_end(some)
    assert monday.accounts()[0].cost == pytest.approx(12.0 * 2.0 + 12.0)
    assert sunday.accounts()[0].cost == pytest.approx(24.0)


def test_gas_is_paid_for_and_emits():
    tariff = Tariff(peak_per_kwh=0.0, off_peak_per_kwh=0.0, carbon_kg_per_kwh=0.0, gas_per_kwh=0.1)
    one = worlds(gas_w=5000.0, tariff=tariff)
    to_the_end(one)
    account = one.accounts()[0]
    assert (account.gas_kwh, account.cost) == pytest.approx((120.0, 12.0))
    assert account.carbon_kg == pytest.approx(120.0 * 0.201)


def test_a_machine_fault_begins_and_ends():
    noon = worlds().start_unix_s + 12 * 3600.0
    trip = Fault(kind="chiller-trip", where=("boiler1",), from_unix_s=noon, to_unix_s=noon + 7200.0)
    one = worlds(faults=[trip])
    to_the_end(one)
    assert one.accounts()[0].kwh["heating"] == pytest.approx(22.0)


def test_the_end_is_the_end():
    one = worlds()
    to_the_end(one)
    with pytest.raises(ScenarioEndedError):
        one.step()


def test_worlds_on_later_days_share_the_weather_of_their_year():
    """The same seed, begun on Monday and on Tuesday: Tuesday is the same day in both."""
    span = Span(learn_days=0, days=2, wire_step_s=3600.0, warmup_days=0)
    firsts = [MONDAY, date(2019, 7, 2)]
    sky = SyntheticSky(CLIMATES["continental"]["summer"], firsts, MONDAY, 2, 48.0, [5, 5])
    both = Worlds(Site(parts=(Heater(2),)), sky, span, firsts)
    rows = []
    for _ in range(48):
        both.step()
        rows.append(both.read()[0])
    outdoor = np.array(rows)
    assert outdoor[24:, 0] == pytest.approx(outdoor[:24, 1])


def test_a_plant_is_one_world():
    with pytest.raises(ValueError, match="one world"):
        World(worlds(2))
    plant = World(worlds())
    plant.step({"boiler1.power_setpoint": 3.0})
    assert plant.read()[plant.names.index("boiler1.electric_power")] == 3.0
    assert plant.account().kwh["heating"] == pytest.approx(0.75)
