"""What weather does to the outside of a building: films, sol-air temperatures, light through glass at an angle.

Arrays [minutes, ...]; worked out a day at a time, outside the sub-steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.physics.sun import STEFAN_BOLTZMANN_W_M2_K4

Array = NDArray[np.float64]

EMISSIVITY, GLASS_EMISSIVITY = 0.9, 0.84
"""Building materials and glass in the infrared: ASHRAE Fundamentals."""
WALL_TO_SKY = 0.354
"""Share of the infrared of a wall that goes to the sky: half, times the root of a half for the warm air near the
horizon (Walton, Thermal Analysis Research Program Reference Manual, 1983)."""
INCIDENCE_POWER = 1.8
"""Found by comparing with EnergyPlus's simple window of U 2.04, SHGC 0.36: within 0.03 of it from 0 to 75 degrees."""
DIFFUSE_THROUGH = 1.0 - 2.0 / ((INCIDENCE_POWER + 1.0) * (INCIDENCE_POWER + 2.0))
"""The same for light from everywhere: its integral over the hemisphere, 0.81."""
WIND_AT_WALL = 0.5
"""Wind at 2 m in suburbs over that of a weather station: 0.47 to 0.55 by the power law of ASHRAE Fundamentals."""
ROUNDS = 3
"""Of the balance below; it has settled within 0.1 K then."""


def through_glass(cos_incidence: Array) -> Array:
    """Share of the transmittance for light straight on that is left at this angle."""
    return 1.0 - (1.0 - cos_incidence) ** INCIDENCE_POWER


def outside_film(
    outdoor_c: Array,
    sky_c: Array,
    wind_m_s: Array | float,
    sun_w_m2: Array | float,
    *,
    is_roof: bool = False,
    roughness: float = 1.0,
    emissivity: float = EMISSIVITY,
    absorptance: float = 0.0,
) -> tuple[Array, Array]:
    """Sol-air temperature, C, and the film's conductance, W/(m2 K), of a surface that gives no heat itself.

    Convection as in DOE-2 and EnergyPlus: natural (Walton 1983) and forced (MoWiTT, windward: 3.26 v^0.89) added as
    squares, what the wind adds times the roughness; infrared to the sky, and to ground and air as warm as the air.
    """
    to_sky = 1.0 if is_roof else WALL_TO_SKY
    forced = 3.26 * (WIND_AT_WALL * np.asarray(wind_m_s)) ** 0.89
    surface = outdoor_c + 0.0 * np.asarray(sun_w_m2)
    film = np.ones_like(surface)
    for _ in range(ROUNDS):
        over = surface - outdoor_c
        root = np.cbrt(np.abs(over))
        natural = np.where(over > 0.0, 1.52, 0.76) * root if is_roof else 1.31 * root
        convection = natural + roughness * (np.sqrt(natural**2 + forced**2) - natural)
        sky = to_sky * _infrared(emissivity, surface, sky_c)
        film = convection + sky + (1.0 - to_sky) * _infrared(emissivity, surface, outdoor_c)
        surface = outdoor_c + (absorptance * sun_w_m2 + sky * (sky_c - outdoor_c)) / film
    return surface, film


def _infrared(emissivity: float, one_c: Array, other_c: Array) -> Array:
    """W/(m2 K) between two surfaces of about these temperatures."""
    middle_k = 0.5 * (one_c + other_c) + 273.15
    return np.asarray(4.0 * emissivity * STEFAN_BOLTZMANN_W_M2_K4 * middle_k**3)
