"""The words: laws of the small types."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.clock import Instant, SteeredClock, SystemClock
from agent.core.image import Image, is_stale
from agent.core.points import Kind, PointSpec, PointTable, Quality
from agent.core.scan import Scan
from agent.core.units import UNITS, is_plausible

NOW = Instant(unix_s=1_750_000_000.0, mono_s=100.0)
TABLE = PointTable([PointSpec(id="zone1.zone_air_temperature", unit="degC", kind=Kind.SENSOR, poll_s=60, fresh_s=180)])


def image(value=21.0, quality=Quality.GOOD, sampled=90.0):
    columns = {"values": np.array([value]), "quality": np.array([quality], np.uint8)}
    return Image(at=NOW, table=TABLE, sampled_mono_s=np.array([sampled]), **columns)


def test_a_point_is_equipment_and_role():
    assert (TABLE[0].equipment, TABLE[0].role) == ("zone1", "zone_air_temperature")
    assert TABLE.handle("zone1.zone_air_temperature") == 0
    assert TABLE.get("zone9.zone_air_temperature") is None
    with pytest.raises(KeyError):
        TABLE.handle("zone9.zone_air_temperature")
    with pytest.raises(ValueError, match="share an id"):
        PointTable([TABLE[0], TABLE[0]])


@pytest.mark.parametrize(
    ("seen", "good"),
    [
        (image(), 21.0),
        (image(quality=Quality.UNCERTAIN), None),
        (image(value=math.nan), None),
        (image(sampled=math.nan), None),
        (image(sampled=-81.0), None),
        (image(sampled=-80.0), 21.0),
    ],
)
def test_only_good_fresh_numbers_are_good(seen, good):
    assert seen.good("zone1.zone_air_temperature") == good
    assert seen.good("zone1.no_such_role") is None


@given(age_s=st.floats(), fresh_s=st.floats(0, 1e9))
def test_law_what_was_never_heard_is_stale(age_s, fresh_s):
    assert is_stale(age_s, fresh_s) == (math.isnan(age_s) or age_s > fresh_s)


def test_a_scans_columns_are_of_one_length():
    with pytest.raises(ValueError, match="unequal"):
        Scan(device="bms", handles=np.zeros(2, np.int32), values=np.zeros(1), quality=np.zeros(2, np.uint8), at=NOW)


@given(st.floats(), st.sampled_from(sorted(UNITS)))
def test_law_no_unit_has_infinite_values(value, unit):
    assert not is_plausible(unit, value) or math.isfinite(value)


def test_clocks_show_both_faces():
    first, second = SystemClock().read(), SystemClock().read()
    assert second.mono_s >= first.mono_s and first.is_set
    steered = SteeredClock(lambda: 1_750_000_000.0, speed=60.0)
    assert steered.read().iso() == "2025-06-15T15:06:40Z"
    assert steered.io_s(2.0) == 120.0
