"""The whole site: same seed same bytes, books that agree with the counters, an ordinary day, held values."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time

import numpy as np
import pytest

from agent.core.units import is_plausible
from agent.equipment.kinds import role_of
from simulator import scenarios
from simulator.plant import Account, Plant, ScenarioEndedError

KIND_OF = {"site": "site", "ahu1": "ahu", "room1": "data_room", "crac1": "crac", "lifts1": "lift_group"} | {
    f"zone{n}": "zone" for n in range(1, 5)
}
KIND_OF |= {"meter1": "meter", "meter2": "meter"}


def plant(seed: int = 1, days: int = 2, name: str = "office-tower", step_s: float = 900) -> Plant:
    return scenarios.load(name, seed=seed, learn_days=0, days=days, wire_step_s=step_s)


def live(site: Plant, held: dict[str, float] | None = None) -> np.ndarray:
    """Run to the end with these values held; what was read, [steps, points]."""
    site.start_account()
    rows = []
    while site.unix_s < site.end_unix_s:
        site.step(held or {})
        rows.append(site.read())
    return np.array(rows)


def judged(held: dict[str, float] | None = None, **which: object) -> Account:
    site = plant(**which)
    live(site, held)
    return site.account()


def at(site: Plant, point: str) -> int:
    return site.names.index(point)


def test_every_point_has_a_known_role_and_a_plausible_value():
    site = plant()
    rows = live(site)
    for place, point in enumerate(site.names):
        equipment, _, name = point.partition(".")
        role = role_of(KIND_OF[equipment], name)
        assert role is not None, point
        assert role.writable == (point in site.writable), point
        assert all(is_plausible(role.unit, value) for value in rows[:, place]), point
    assert set(site.writable) <= set(site.names)


DIGEST = """
import hashlib
from simulator import scenarios
site = scenarios.load("office-tower", seed=7, learn_days=0, days=1)
digest = hashlib.sha256()
while site.unix_s < site.end_unix_s:
    site.step({"crac1.fan_speed_setpoint": 80.0})
    digest.update(site.read().tobytes())
print(digest.hexdigest())
"""


def test_same_seed_same_bytes_here_and_in_another_process():
    def digest(seed: int) -> str:
        site = scenarios.load("office-tower", seed=seed, learn_days=0, days=1)
        held = {"crac1.fan_speed_setpoint": 80.0}
        found = hashlib.sha256()
        while site.unix_s < site.end_unix_s:
            site.step(held)
            found.update(site.read().tobytes())
        return found.hexdigest()

    other = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, timeout=60)
    assert digest(7) == digest(7) == other.stdout.strip()
    assert digest(7) != digest(8)


def test_the_physics_does_not_know_the_wire_step():
    """Own control switches on whole hours, so five or fifteen minutes between looks change nothing."""
    coarse, fine = judged(step_s=900), judged(step_s=300)
    assert coarse == fine


def test_counters_rise_by_power_and_agree_with_the_books():
    site = plant()
    begin = site.read()
    rows = live(site)
    account = site.account()
    for machine in ("ahu1", "crac1", "lifts1", "meter1", "meter2"):
        counter = rows[:, at(site, f"{machine}.electric_energy")]
        power = rows[:, at(site, f"{machine}.electric_power")]
        assert begin[at(site, f"{machine}.electric_energy")] == 0.0
        assert np.all(np.diff(counter) >= 0.0)
        assert np.diff(counter, prepend=0.0) == pytest.approx(power * site.step_s / 3600.0, rel=1e-6, abs=1e-9)
    last = {point: rows[-1, place] for place, point in enumerate(site.names)}
    assert last["meter1.electric_energy"] == pytest.approx(account.site_kwh)
    assert last["meter2.electric_energy"] == pytest.approx(account.kwh["it"] + account.kwh["ups"])
    assert last["ahu1.electric_energy"] == pytest.approx(
        account.kwh["fan"] + account.kwh["cooling"] + account.kwh["heating"]
    )
    assert last["lifts1.electric_energy"] == pytest.approx(account.kwh["lifts"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_ordinary_summer_week(seed):
    week = judged(seed=seed, days=7, step_s=3600)
    assert 60 < week.kwh["fan"] < 400
    assert 250 < week.kwh["cooling"] < 1500
    assert week.kwh["heating"] < 20
    assert 6500 < week.kwh["it"] < 11_500
    assert 1.2 < week.pue < 1.7
    assert 350 < week.kwh["lifts"] < 1100
    assert week.starts["ahu1"] == 7
    assert week.comfort_hi_kh + week.comfort_lo_kh < 0.5
    assert week.inlet_kh == 0.0 and week.worst_inlet_c < 20.0
    assert week.co2_max_ppm < 1000.0
    assert 0.35 < week.idle["ahu1"].idle_ratio < 0.6
    assert 0.5 < week.idle["lifts1"].idle_ratio < 0.85


def test_an_ordinary_winter_week():
    week = judged(name="office-tower-winter", days=7, step_s=3600)
    assert 200 < week.kwh["heating"] < 1500
    assert week.kwh["cooling"] < 60
    assert week.comfort_hi_kh + week.comfort_lo_kh < 0.5


def test_who_stays_late_sits_in_still_air():
    """The clock stops at 21:00 and some stay until 22:00: the own control is no saint."""
    assert judged(days=14, step_s=3600).unvent_h > 0.1


def test_held_values_are_followed_one_by_one():
    site = plant(days=1)
    held = {
        "zone2.zone_air_cooling_temperature_setpoint": 24.5,
        "ahu1.on_off_command": 1.0,
        "ahu1.supply_air_temperature_setpoint": 16.0,
        "crac1.supply_air_temperature_setpoint": 21.0,
        "crac1.fan_speed_setpoint": 85.0,
        "lifts1.cars_in_service_setpoint": 2.0,
    }
    site.step(held)
    read = dict(zip(site.names, site.read(), strict=True))
    assert {point: read[point] for point in held} == held
    assert read["zone1.zone_air_cooling_temperature_setpoint"] == 28.0
    assert read["lifts1.cars_in_service"] == 2.0
    assert read["ahu1.fan_power"] > 0.0  # It is midnight: only the command can have started it.
    site.step({})
    read = dict(zip(site.names, site.read(), strict=True))
    assert read["ahu1.on_off_command"] == 0.0 and read["ahu1.fan_power"] == 0.0
    assert read["crac1.supply_air_temperature_setpoint"] == 17.0


def test_the_device_keeps_its_deadband():
    site = plant(days=1)
    pair = ("zone1.zone_air_heating_temperature_setpoint", "zone1.zone_air_cooling_temperature_setpoint")
    site.step({pair[0]: 24.0, pair[1]: 22.0})
    read = dict(zip(site.names, site.read(), strict=True))
    assert [read[point] for point in pair] == [21.5, 22.0]


def test_setpoints_do_nothing_while_the_air_handler_rests():
    own, held = plant(days=1, step_s=3600), plant(days=1, step_s=3600)
    for _ in range(4):  # Until 04:00.
        own.step({})
        held.step({"zone1.zone_air_cooling_temperature_setpoint": 20.0})
    place = at(own, "zone1.zone_air_temperature")
    assert own.read()[place] == held.read()[place]


def test_a_cold_night_starts_the_air_handler_by_itself_unless_held_off():
    def nights(held: dict[str, float]) -> float:
        plan = scenarios.changed(scenarios.read("office-tower-winter"), learn_days=0, days=1, wire_step_s=900)
        site = scenarios.worlds(plan, [2])
        floor = site.parts[0]
        floor.zones.air_c[:] = floor.zones.mass_c[:] = 14.0
        site.hold(held)
        site.step()
        return float(site.read()[site.names.index("ahu1.fan_power"), 0])

    assert nights({}) > 0.0
    assert nights({"ahu1.on_off_command": 0.0}) == 0.0


@pytest.mark.parametrize("value", [13.9, 27.1, float("nan"), float("inf")])
def test_what_the_device_would_refuse_is_an_error(value):
    with pytest.raises(ValueError, match="crac1"):
        plant(days=1).step({"crac1.supply_air_temperature_setpoint": value})


def test_an_unknown_point_is_an_error():
    with pytest.raises(KeyError):
        plant(days=1).step({"crac1.return_air_temperature": 20.0})


def test_the_last_day_ends():
    site = plant(days=1)
    live(site)
    with pytest.raises(ScenarioEndedError):
        site.step({})


def test_there_is_something_to_save_and_something_to_lose():
    """Careful values save on the whole site without harm; greedy ones harm, and save nothing on the whole."""
    careful = {"crac1.supply_air_temperature_setpoint": 21.0, "crac1.fan_speed_setpoint": 85.0}
    greedy = {"crac1.supply_air_temperature_setpoint": 26.0, "crac1.fan_speed_setpoint": 45.0}
    own, good, bad = (judged(held) for held in ({}, careful, greedy))
    assert good.site_kwh < 0.97 * own.site_kwh and good.inlet_kh == 0.0
    assert bad.inlet_kh > 100.0 and bad.site_kwh > good.site_kwh and bad.pue < good.pue


def test_an_air_handler_that_never_runs_leaves_people_in_heat_and_still_air():
    account = judged({"ahu1.on_off_command": 0.0}, days=4, step_s=3600)
    assert account.comfort_hi_kh > 20.0
    assert account.unvent_h == account.occupied_h > 30.0
    assert account.kwh["fan"] == account.kwh["cooling"] == 0.0


def test_speed(capsys):
    site = plant(days=2, step_s=300)
    begin = time.perf_counter()
    live(site)
    with capsys.disabled():
        print(f" [tower: {(time.perf_counter() - begin) / 2:.3f} s a day] ", end="")
