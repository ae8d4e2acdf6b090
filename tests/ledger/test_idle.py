"""A morning in the books: each row is what the images show until the next."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.image import Image
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.equipment.systems import Schedule
from agent.ledger.idle import IdleBook, Machine

POINTS = (
    "ahu1.on_off_status",
    "ahu1.electric_power",
    "zone1.occupancy_count",
    "zone2.occupancy_count",
    "crac1.on_off_status",
    "crac1.supply_air_temperature",
    "crac1.return_air_temperature",
    "crac1.electric_power",
    "lifts1.cars_in_service",
    "lifts1.cars_moving",
    "lifts1.electric_power",
)
TABLE = PointTable([PointSpec(id=name, unit="kW", kind=Kind.SENSOR, poll_s=60, fresh_s=600) for name in POINTS])
NAN = float("nan")
MORNING = [  # minute, ahu on, kW, people in zone 1, zone 2, crac on, supply, return, kW, cars, moving, kW
    (0, 0, 0.0, 0, 0, 1, 17.0, 22.0, 8.0, 4, 0, 1.0),
    (10, 1, 6.0, 0, 0, 1, 17.0, 22.0, 8.0, 4, 0, 1.0),  # Nobody in: idle. Air comes back cold: idle.
    (20, 1, 6.0, 3, 0, 1, 17.0, 27.0, 8.0, 4, 1, 2.0),  # Somebody in. Air comes back warm. One car of four moves.
    (30, 1, 6.0, 0, NAN, 1, 17.0, NAN, 8.0, 0, 0, 0.0),  # Not known: neither idle nor busy.
]


def image(minute, *values):
    values = np.array(values, dtype=float)
    quality = np.where(np.isnan(values), Quality.BAD, Quality.GOOD).astype(np.uint8)
    at = Instant(unix_s=1.75e9 + 60 * minute, mono_s=60.0 * minute)
    return Image(at=at, table=TABLE, values=values, quality=quality, sampled_mono_s=np.full(len(values), at.mono_s))


def test_a_morning():
    machines = [Machine(id="ahu1", kind="ahu", serves=("zone1", "zone2"))]
    machines += [Machine(id="crac1", kind="crac"), Machine(id="lifts1", kind="lift_group")]
    book = IdleBook([*machines, Machine(id="meter1", kind="meter")])
    for row in MORNING:
        book.add(image(*row))
    tenth = 1 / 6
    ahu, crac, lifts = (book.lines[name] for name in ("ahu1", "crac1", "lifts1"))
    assert np.allclose((ahu.running_hours, ahu.idle_hours, ahu.unknown_hours), (2 * tenth, tenth, tenth))
    assert np.allclose((ahu.energy_kwh, ahu.idle_energy_kwh), (12.0 * tenth, 6.0 * tenth))
    assert np.allclose((crac.running_hours, crac.idle_hours, crac.unknown_hours), (2 * tenth, tenth, tenth))
    assert np.allclose((lifts.running_hours, lifts.idle_hours), (2 * tenth, 1.75 * tenth))
    assert np.isclose(ahu.idle_ratio, 0.5)
    assert set(book.figures()) == {"ahu1", "crac1", "lifts1"}


def test_a_long_gap_says_nothing():
    book = IdleBook([Machine(id="ahu1", kind="ahu", serves=("zone1", "zone2"))])
    book.add(image(*MORNING[1]))
    book.add(image(60, *MORNING[1][1:]))
    assert book.lines["ahu1"].running_hours == 0.0


# fmt: off
PLANT_STORY = [  # what is shown, runs, idle, rule
    ({"ahu1.electric_power": 4.0}, 1.0, 1.0, "outside-hours"),  # No status, no counters: power and the clock decide.
    ({"ahu1.electric_power": 0.0}, 0.0, 1.0, "outside-hours"),
    ({"pump1.electric_power": 2.0, "pump1.supply_water_temperature": 60.0, "pump1.return_water_temperature": 59.8}, 1, 1, "no-load"),  # noqa: E501
    ({"pump1.electric_power": 2.0, "pump1.supply_water_temperature": 60.0, "pump1.return_water_temperature": 45.0}, 1, 0, "no-load"),  # noqa: E501
    ({"boiler1.on_off_status": 1.0, "boiler1.thermal_power": 0.0, "boiler1.gas_power": 1.5}, 1, 1, "no-load"),
    ({"boiler1.on_off_status": 1.0, "boiler1.thermal_power": 30.0, "boiler1.gas_power": 33.0}, 1, 0, "no-load"),
    ({"chiller1.on_off_status": 1.0, "chiller1.thermal_power": 0.1, "chiller1.electric_power": 5.0}, 1, 1, "no-load"),
    ({"plant1.pump_power": 3.0, "plant1.thermal_power": 40.0, "plant1.electric_power": 9.0}, 1, 0, "no-load"),
    ({"plant1.pump_power": 3.0, "plant1.entering_chilled_water_temperature": 7.1, "plant1.leaving_chilled_water_temperature": 7.0}, 1, 1, "no-load"),  # noqa: E501
    ({"boiler1.on_off_status": 1.0, "boiler1.gas_power": 33.0}, 1, None, "no-load"),  # Heat that nobody meters.
]
# fmt: on
KINDS = {"ahu": "ahu", "pump": "pump", "boiler": "boiler", "chiller": "chiller", "plant": "chilled_water_plant"}


@pytest.mark.parametrize(("shown", "runs", "idle", "rule"), PLANT_STORY)
def test_each_kind_has_a_rule(shown, runs, idle, rule):
    table = PointTable([PointSpec(id=name, unit="kW", kind=Kind.SENSOR, poll_s=60, fresh_s=600) for name in shown])
    name = next(iter(shown)).partition(".")[0]
    sunday_s = 3 * 86_400.0
    book = IdleBook([Machine(id=name, kind=KINDS[name[:-1]], serves=("zone1",), schedule=Schedule())])
    values = np.array(list(shown.values()))
    for minute in (0, 6):
        at = Instant(unix_s=sunday_s + 60 * minute, mono_s=60.0 * minute)
        quality = np.zeros(len(values), np.uint8)
        book.add(
            Image(at=at, table=table, values=values, quality=quality, sampled_mono_s=np.full(len(values), at.mono_s))
        )
    line = book.lines[name]
    assert line.rule == rule
    assert np.isclose(line.unknown_hours, 0.1 if idle is None else 0.0)
    assert np.isclose(line.running_hours, 0.0 if idle is None else 0.1 * runs)
    assert np.isclose(line.idle_hours, 0.0 if idle is None else 0.1 * runs * idle)
