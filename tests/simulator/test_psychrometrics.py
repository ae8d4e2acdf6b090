"""Moist air, function by function against psychrolib, which others wrote after the same chapter of the handbook."""

from __future__ import annotations

import numpy as np
import psychrolib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.physics import psychrometrics as ours

psychrolib.SetUnitSystem(psychrolib.SI)

PRESSURES_PA = (101_325.0, 82_000.0)
"""The sea's, and Golden's at 1,800 m."""
CELSIUS = np.array([-40.0, -25.0, -10.0, -1.0, 0.5, 5.0, 13.0, 20.0, 27.0, 35.0, 45.0, 60.0])
HUMIDITIES = np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.95, 1.0])
AIR = [(c, rh, p) for c in CELSIUS for rh in HUMIDITIES for p in PRESSURES_PA]
"""Dry bulb, relative humidity, pressure."""


def air() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All of `AIR` as dry bulb, humidity ratio by psychrolib, pressure."""
    ratio = [psychrolib.GetHumRatioFromRelHum(c, rh, p) for c, rh, p in AIR]
    return np.array([c for c, _, _ in AIR]), np.array(ratio), np.array([p for _, _, p in AIR])


def theirs(function, *columns) -> np.ndarray:
    return np.array([function(*row) for row in zip(*columns, strict=True)])


def test_saturation_pressure_over_ice_and_water():
    celsius = np.linspace(-90.0, 180.0, 271)
    assert ours.saturation_pa(celsius) == pytest.approx(theirs(psychrolib.GetSatVapPres, celsius), rel=1e-9)


def test_humidity_ratio_of_vapor_and_back():
    _, ratio, pressure = air()
    vapor = theirs(psychrolib.GetVapPresFromHumRatio, ratio, pressure)
    assert ours.vapor_pa(ratio, pressure) == pytest.approx(vapor, rel=1e-9)
    assert ours.humidity_ratio(vapor, pressure) == pytest.approx(ratio, rel=1e-9)


def test_saturated_air():
    celsius, _, pressure = air()
    assert ours.saturated(celsius, pressure) == pytest.approx(
        theirs(psychrolib.GetSatHumRatio, celsius, pressure), rel=1e-9
    )


def test_relative_humidity():
    celsius, ratio, pressure = air()
    wanted = theirs(psychrolib.GetRelHumFromHumRatio, celsius, ratio, pressure)
    assert ours.relative_humidity(celsius, ratio, pressure) == pytest.approx(wanted, rel=1e-9)


def test_enthalpy():
    celsius, ratio, _ = air()
    wanted = theirs(psychrolib.GetMoistAirEnthalpy, celsius, ratio)
    assert ours.enthalpy(celsius, ratio) == pytest.approx(wanted, abs=1e-6)


def test_dew_point():
    """To 2 mK: psychrolib itself stops within 1 mK."""
    celsius, ratio, pressure = air()
    wanted = theirs(psychrolib.GetTDewPointFromHumRatio, celsius, ratio, pressure)
    assert ours.dew_point(ratio, pressure) == pytest.approx(wanted, abs=2e-3)


def test_wet_bulb():
    """To 2 mK: psychrolib itself stops within 1 mK."""
    celsius, ratio, pressure = air()
    wanted = theirs(psychrolib.GetTWetBulbFromHumRatio, celsius, ratio, pressure)
    found = ours.wet_bulb(celsius, ratio, pressure)
    off = np.abs(found - wanted)
    assert off.max() < 2e-3, (AIR[int(off.argmax())], found[off.argmax()], wanted[off.argmax()])


@given(st.floats(-40.0, 60.0), st.floats(0.02, 1.0))
def test_wet_bulb_lies_between_dew_point_and_dry_bulb(celsius, humidity):
    ratio = ours.humidity_ratio(humidity * ours.saturation_pa(np.array(celsius)))
    dew, wet = ours.dew_point(ratio), ours.wet_bulb(np.array(celsius), ratio)
    assert dew - 2e-3 <= wet <= celsius + 2e-3


def test_any_shape_goes_in_and_comes_out():
    celsius = np.linspace(-5.0, 40.0, 24).reshape(2, 3, 4)
    ratio = 0.5 * ours.saturated(celsius)
    for function in (ours.wet_bulb, ours.relative_humidity, ours.enthalpy):
        assert function(celsius, ratio).shape == (2, 3, 4)
    assert ours.dew_point(ratio).shape == (2, 3, 4)
