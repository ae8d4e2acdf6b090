"""What a kilowatt-hour is worth, by aim, hour, weekday and feed."""

from dataclasses import replace

import numpy as np
import pytest

from agent.config.energy import Energy
from agent.core.clock import Instant
from agent.core.features import Features
from agent.optimize.objective import Objective

MONDAY = 4 * 86_400.0
BANDS = [
    {"start": "07:00", "stop": "20:00", "weekdays": ["mon", "tue"], "price": 0.4},
    {"start": "22:00", "stop": "06:00", "price": 0.1},
]
TARIFF = Energy.model_validate({"price": 0.2, "bands": BANDS, "gas_price": 0.1, "grid_intensity": 0.3}).tariff()


def seen(**points) -> Features:
    names = tuple(name.replace("__", ".") for name in points)
    values = np.array([[*points.values()]] * 4, np.float32).reshape(4, len(names))
    at = Instant(unix_s=MONDAY, mono_s=0.0)
    return Features(names=names, units=("",) * len(names), values=values, mask=np.isfinite(values), grid_s=300.0, at=at)


def price(aim, hour, *, tariff=TARIFF, offset_h=0.0, **points):
    told = Objective(aim=aim, tariff=tariff, utc_offset_h=offset_h)
    return told.price(seen(**points), MONDAY + 3600.0 * hour, 4)[0] * (1.0 if aim == "energy" else told.mean)


BY_HOUR = [(3, 0.1), (6.5, 0.2), (12, 0.4), (21, 0.2), (23, 0.1), (48 + 12, 0.2)]  # Wednesday noon has no band.


@pytest.mark.parametrize(("hour", "wanted"), BY_HOUR)
def test_time_of_use(hour, wanted):
    assert price("cost", hour) == pytest.approx(wanted)
    assert price("cost", hour - 2.0, offset_h=2.0) == pytest.approx(wanted)


def test_energy_has_no_price():
    assert price("energy", 12) == 1.0
    assert Objective(aim="energy", tariff=TARIFF).gas_price == 1.0


def test_the_mean_of_a_week_is_one():
    told = Objective(aim="cost", tariff=TARIFF)
    assert np.mean(told.price(seen(), MONDAY, 7 * 96)) == pytest.approx(1.0)
    assert told.gas_price == pytest.approx(0.1 / told.mean)


def test_a_fed_intensity_outranks_the_profile_and_fades_into_it():
    told = Objective(aim="carbon", tariff=TARIFF)
    shape = told.price(seen(site__grid_carbon_intensity=0.6), MONDAY, 96) * told.mean
    assert shape[0] == pytest.approx(0.6) and shape[-1] == pytest.approx(0.3, abs=0.01)
    assert (np.diff(shape) <= 0.0).all()


def test_a_foretold_price_is_taken():
    at = MONDAY + 3600.0 * np.arange(48)
    features = seen()
    fed = replace(features, forecasts={"site.electricity_price": (at, np.linspace(0.1, 0.9, 48))})
    told = Objective(aim="cost", tariff=TARIFF)
    assert (np.diff(told.price(fed, MONDAY, 96)) > 0.0).all()
