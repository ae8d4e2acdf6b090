"""The numpy zones against EnergyPlus: the same office, year and ideal air conditioning, after ASHRAE Guideline 14.

CV(RMSE) and NMBE as Guideline 14-2014 defines them (with p = 1), EnergyPlus in the place of the measured building: over
all hours of the year, those without load too, against the mean load of all these hours. Loads are what the zones of the
building need together, latent heat and outdoor air coils left out; temperatures are each zone's hourly means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.energyplus import ideal, shell, twin
from simulator.energyplus.design import ground_c
from simulator.energyplus.run import Run
from simulator.physics.envelope import EnvelopeDay, EnvelopeHeat
from simulator.physics.weather import MINUTES

Array = NDArray[np.float64]

FIRST = date(2019, 1, 1)
WARMUP_DAYS = 8
"""The first day again and again until the slab has settled, as EnergyPlus does."""
STEPS_AN_HOUR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Hourly means, [hours, zones]."""

    air_c: Array
    heating_w: Array
    cooling_w: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How far a model's hourly energy is from the reference's."""

    reference_kwh: float
    cv_rmse: float
    """%."""
    nmbe: float
    """%, above 0 where the model needs less."""

    @classmethod
    def of(cls, reference_w: Array, model_w: Array) -> Fit:
        """Both [hours]; nothing at all to compare gives NaN."""
        mean, count = float(reference_w.mean()), len(reference_w)
        gap = reference_w - model_w
        scale = 100.0 / mean if mean > 0.0 else float("nan")
        cv_rmse = scale * float(np.sqrt((gap**2).sum() / (count - 1)))
        nmbe = scale * float(gap.sum() / (count - 1))
        return cls(reference_kwh=mean * count / 1000.0, cv_rmse=cv_rmse, nmbe=nmbe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One climate."""

    cooling: Fit
    heating: Fit
    air_rmse_k: float
    """Of the zone that is furthest off."""

    @classmethod
    def of(cls, reference: Course, model: Course) -> Comparison:
        gap = reference.air_c - model.air_c
        return cls(
            cooling=Fit.of(reference.cooling_w.sum(axis=1), model.cooling_w.sum(axis=1)),
            heating=Fit.of(reference.heating_w.sum(axis=1), model.heating_w.sum(axis=1)),
            air_rmse_k=float(np.sqrt((gap**2).mean(axis=0)).max()),
        )


def energyplus(weather: Path, days: int) -> Course:
    """From 1 January on. Raises EnergyPlusFault."""
    model = ideal.build(FIRST, days, STEPS_AN_HOUR, ground_c(weather))
    with Run(model, weather, ideal.watch()) as run:
        steps = np.stack([run.step() for _ in range(days * 24 * STEPS_AN_HOUR)])
    hourly = steps.reshape(days * 24, STEPS_AN_HOUR, 3, len(shell.ZONES)).mean(axis=1)
    return Course(air_c=hourly[:, 0], heating_w=hourly[:, 1], cooling_w=hourly[:, 2])


def numpy_zones(weathers: Sequence[Path], days: int) -> list[Course]:
    """The same for each weather file, all in one run, each in a world of its own."""
    climates = [twin.Climate(path, FIRST, days) for path in weathers]
    density = [climate.pressure_pa / (twin.R_AIR * 295.0) for climate in climates]
    heat = EnvelopeHeat(twin.envelope(density))
    gains = twin.Gains()
    told = []
    for number in range(-WARMUP_DAYS, days):
        hours = _one_day(heat, *twin.day_of(climates, max(0, number), FIRST, gains))
        if number >= 0:
            told.append(hours)
    hourly = np.concatenate(told)
    return [Course(air_c=h[:, 0], heating_w=h[:, 1], cooling_w=h[:, 2]) for h in np.moveaxis(hourly, -1, 0)]


def _one_day(heat: EnvelopeHeat, day: EnvelopeDay, heating_c: Array, cooling_c: Array) -> Array:
    """Air, heating and cooling as means, [24, 3, zones, worlds]; machines without limits hold the set-points."""
    hours = np.zeros((24, 3, *heat.air_c.shape))
    for minute in range(MINUTES):
        into = heat.settle(minute, day)
        free = heat.air_c + into * heat.s_per_air
        wanted = np.minimum(np.maximum(free, heating_c[minute]), cooling_c[minute])
        given = (wanted - free) / heat.s_per_air
        heat.advance(minute, day, into + given)
        hour = hours[minute // 60]
        hour[0] += heat.air_c
        hour[1] += np.maximum(given, 0.0)
        hour[2] -= np.minimum(given, 0.0)
    return hours / 60.0
