"""How zones follow set-points: rates of starts, swings, set-backs, from temperatures alone."""

import numpy as np
import pytest

from agent.core.clock import Instant
from agent.core.features import Features
from agent.equipment.systems import AhuSystem
from agent.features.grid import grid_of
from agent.learn.priors import priors_of
from agent.learn.thermostats import KIND, SWING_MAX_K, learn_thermostats

SYSTEM = AhuSystem(ahu="ahu1", zones=("zone1",))
DAYS = 14
PRIOR_K_H, SWING_K = (priors_of(KIND)[name].value for name in ("warm_up", "thermostat_swing"))


def lived(*, rise_k_h: float, swing_k: float = 0.0, drop_to_c: float = 18.0) -> Features:
    """Mornings at 18 C; on from 5 to 21 h, held at 22 C with a swing of half an hour; people from 8 to 17 h."""
    hour = (np.arange(DAYS * 288) % 288) / 12.0
    on = (hour >= 5.0) & (hour < 21.0)
    rising = drop_to_c + rise_k_h * (hour - 5.0)
    held = 22.0 - swing_k * np.sin(2.0 * np.pi * hour * 1.3)
    air = np.where(on, np.where(rising < 22.0, rising, held), np.maximum(drop_to_c, 22.0 - (hour - 21.0) % 24.0))
    columns = {
        "zone1.zone_air_temperature": air,
        "zone1.occupancy_count": 5.0 * ((hour >= 8.0) & (hour < 17.0)),
        "zone1.zone_air_heating_temperature_setpoint": np.where(on, 22.0, 18.0),
        "zone1.zone_air_cooling_temperature_setpoint": np.where(on, 26.0, 30.0),
        "ahu1.on_off_status": on.astype(float),
    }
    values = np.stack([np.asarray(column, np.float32) for column in columns.values()], axis=1)
    at = Instant(unix_s=1_561_939_200.0 + DAYS * 86_400.0, mono_s=0.0)
    return Features(
        names=tuple(columns),
        units=("",) * len(columns),
        values=values,
        mask=np.isfinite(values),
        grid_s=300.0,
        at=at,
    )


@pytest.mark.parametrize("rise_k_h", [0.8, 1.5, 3.0])
def test_the_rate_of_starts_is_found(rise_k_h):
    found = learn_thermostats(grid_of(lived(rise_k_h=rise_k_h)), SYSTEM, 0.0)
    assert found.heat_k_h == pytest.approx(rise_k_h, rel=0.2)
    assert found.cool_k_h == pytest.approx(PRIOR_K_H)


@pytest.mark.parametrize("swing_k", [0.1, 0.5])
def test_the_swing_is_found(swing_k):
    found = learn_thermostats(grid_of(lived(rise_k_h=2.0, swing_k=swing_k)), SYSTEM, 0.0)
    assert found.under_k[0] == pytest.approx(swing_k, abs=0.1)
    assert found.over_k[0] == SWING_K  # It was never near its cooling set-point.


def test_a_machine_too_small_is_no_swing():
    """All day half a kelvin below its set-point: that is not what a margin can mend."""
    told = lived(rise_k_h=2.0)
    values = np.array(told.values)
    values[:, 0] = np.minimum(values[:, 0], 21.5)
    weak = Features(
        names=told.names, units=told.units, values=values, mask=np.isfinite(values), grid_s=300.0, at=told.at
    )
    assert learn_thermostats(grid_of(weak), SYSTEM, 0.0).under_k[0] <= SWING_K


def test_habits_of_the_night_and_the_morning():
    found = learn_thermostats(grid_of(lived(rise_k_h=2.0)), SYSTEM, 0.0)
    assert found.setback_c == pytest.approx(18.0)
    assert found.coldest_c == pytest.approx(18.0, abs=0.2)
    assert found.lead_h == pytest.approx(3.0, abs=0.26)


def test_nothing_seen_gives_priors():
    told = lived(rise_k_h=2.0)
    values = np.full_like(told.values, np.nan)
    blind = Features(
        names=told.names, units=told.units, values=values, mask=np.isfinite(values), grid_s=300.0, at=told.at
    )
    found = learn_thermostats(grid_of(blind), SYSTEM, 0.0)
    assert found.heat_k_h == found.cool_k_h == PRIOR_K_H
    assert all(0.0 <= swing <= SWING_MAX_K for swing in (*found.over_k, *found.under_k))
