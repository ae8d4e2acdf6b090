"""EPW files: what they say is what the sky shows; what is broken is told with line and column."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import ConfigError
from simulator import scenarios
from simulator.physics.epw import EpwSky, read_epw

HEADER = [
    "LOCATION,Nowhere,-,XXX,TMY,000000,48.0,11.0,1.0,500.0",
    *(f"{name},0" for name in ("DESIGN CONDITIONS", "TYPICAL/EXTREME PERIODS", "GROUND TEMPERATURES")),
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,made by a test",
    "COMMENTS 2,",
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
]


def rows(**changed) -> list[str]:
    """A year: 10 C with a daily wave, dew point 5 C, sun from 6 to 18; `changed` by hour: whole rows."""
    told = []
    for n in range(8760):
        day = date(2019, 1, 1) + timedelta(days=n // 24)
        hour = n % 24
        bulb = 10.0 + 5.0 * np.cos(2.0 * np.pi * (hour + 1 - 15.0) / 24.0)
        sun = max(0.0, 400.0 * np.sin(np.pi * (hour + 0.5 - 6.0) / 12.0))
        row = [day.year, day.month, day.day, hour + 1, 0, "?", f"{bulb:.2f}", "5.0", 70, 95000, 0, 0, 300]
        row += [f"{sun:.1f}", f"{0.5 * sun:.1f}", f"{0.6 * sun:.1f}", *[0] * 19]
        told.append(",".join(map(str, row)))
    for n, row in changed.items():
        told[int(n[1:])] = row
    return told


def write(folder: Path, lines: list[str], end: str = "\n") -> Path:
    path = folder / "place.epw"
    path.write_text(end.join(lines) + end, encoding="latin-1", newline="")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("epw"), HEADER + rows())


def test_what_it_says_is_what_the_sky_shows(place):
    sky = EpwSky(place, [date(2019, 3, 21)], 1)
    today = sky.day(0)
    assert today.outdoor_c[15 * 60, 0] == pytest.approx(15.0, abs=0.05)
    assert today.outdoor_c[3 * 60, 0] == pytest.approx(5.0, abs=0.05)
    at = np.arange(60 * 12, 60 * 13)
    assert today.irradiance_w_m2[at].mean() == pytest.approx(400.0 * np.sin(np.pi * 6.5 / 12.0), rel=1e-3)
    assert (today.wet_bulb_c <= today.outdoor_c + 1e-3).all()


def test_each_hour_keeps_its_sun(place):
    year = read_epw(place)
    today = EpwSky(place, [date(2019, 6, 1)], 1).day(0)
    hours = slice(24 * 151, 24 * 151 + 24)
    assert today.irradiance_w_m2[:, 0].reshape(24, 60).mean(axis=1) == pytest.approx(year.global_w_m2[hours], abs=1e-6)


def test_the_sun_is_highest_at_true_noon(place):
    """At 11 E in zone +1 the sun is 16 min late, less the equation of time; early November's is 16 min early."""
    today = EpwSky(place, [date(2019, 11, 3)], 1).day(0)
    assert int(today.cos_zenith[:, 0].argmax()) == pytest.approx(720, abs=2)


def test_worlds_live_on_their_own_days(place):
    sky = EpwSky(place, [date(2019, 1, 1), date(2019, 7, 1)], 2)
    today = sky.day(1)
    assert today.days == (date(2019, 1, 2), date(2019, 7, 2))
    assert today.cos_zenith[720, 1] > today.cos_zenith[720, 0] + 0.3
    with pytest.raises(IndexError):
        sky.day(2)


def test_windows_ends_and_a_blank_tail_are_taken(tmp_path):
    assert read_epw(write(tmp_path, [*HEADER, *rows(), ""], "\r\n")).city == "Nowhere"


def test_a_missing_hour_is_bridged(tmp_path):
    row = rows()[100].split(",")
    row[6] = "99.9"
    year = read_epw(write(tmp_path, HEADER + rows(h100=",".join(row))))
    assert year.dry_bulb_c[100] == pytest.approx(0.5 * (year.dry_bulb_c[99] + year.dry_bulb_c[101]))


def bad(text: str, n: int, column: int) -> str:
    row = rows()[n].split(",")
    row[column] = text
    return ",".join(row)


BROKEN = [
    (["weather, of a kind"], 1, "LOCATION"),
    (["LOCATION,A,B,C,D,E,north,11,1,0", *HEADER[1:], *rows()], 1, "LOCATION"),
    (["LOCATION,A,B,C,D,E,148,11,1,0", *HEADER[1:], *rows()], 1, "LOCATION"),
    (HEADER + rows()[:-24], 8744, "rows"),
    (HEADER + rows(h7=bad("warm", 7, 6)), 16, "column 7"),
    (HEADER + rows(h9="2019,1,1,10"), 18, "column 7"),
    (HEADER + [bad("99.9", 0, 6)] * 8760, 0, "column 7"),
]


@pytest.mark.parametrize(("lines", "line", "key"), BROKEN)
def test_what_is_broken_is_told(tmp_path, lines, line, key):
    with pytest.raises(ConfigError) as caught:
        read_epw(write(tmp_path, lines))
    problem = caught.value.problems[0]
    assert (problem.line, problem.key) == (line, key), str(problem)


def test_a_scenario_lives_under_the_file(tmp_path, place):
    text = scenarios.find("roof-top-units").read_text()
    told = text.replace("season: summer", f"weather: {place}").replace("learn_days: 7", "learn_days: 0")
    path = tmp_path / "mine.yaml"
    path.write_text(told)
    plant = scenarios.load(path, days=1)
    for _ in range(12 * 15):
        plant.step({})
    assert plant.read()[plant.names.index("site.outdoor_air_temperature")] == pytest.approx(15.0, abs=0.1)
