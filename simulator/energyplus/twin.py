"""The office of `ideal.py` for the numpy zones: every parameter of `Envelope` from the same constructions, no fitting.

| parameter | from |
|---|---|
| nodes | layers lumped at the middle of their capacity: inside and outside of the insulation; the slab cut at a third |
| star to node | area / (resistance to the inside face + 1 / 7.7) |
| node to beyond | area / (resistance to the outside face + film of the mean wind) |
| partitions | the boards as mass of both zones; air to air by two boards and a film of 8 W/(m2 K) on both sides |
| light | beam on the floor, the rest by area and absorptance; a surface keeps what its resistance does not throw back |
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.energyplus import ideal, shell, zone_parts
from simulator.energyplus.design import ground_c
from simulator.energyplus.epjson import Hours
from simulator.physics import surfaces
from simulator.physics.envelope import GLASS_SOLAR, SURFACE_W_M2_K, Envelope, EnvelopeDay, Glazing, Layer, lump
from simulator.physics.epw import EpwSky
from simulator.physics.psychrometrics import CP_AIR_J_KG_K
from simulator.physics.weather import MINUTES, SkyDay

Array = NDArray[np.float64]

R_AIR = 287.05
ELEMENTS = WALL, ROOF, FLOOR, INSIDE = range(4)
OUTSIDE_FILM, GLASS_FILM = 22.0, 10.6
"""W/(m2 K) at 4 m/s: rough surfaces, glass (ASHRAE's winter and summer films are 34 and 23 at 6.7 and 3.4 m/s)."""
PARTITION_FILM = 8.0
ROUGHNESS = {"Rough": 1.67, "MediumRough": 1.52}
"""Factors on forced convection: Walton 1983, by EnergyPlus's names."""
NODES = {
    WALL: ((shell.BRICK, shell.FOAM_WALL), (shell.CONCRETE, shell.GYPSUM)),
    ROOF: ((shell.MEMBRANE, shell.FOAM_ROOF), (shell.GYPSUM,)),
    FLOOR: ((shell.FOAM_SLAB, shell.SLAB_BELOW), (shell.SLAB_ABOVE, shell.CARPET)),
}
"""Outer and inner layers."""
GLASS = Glazing.of(shell.GLASS_U_W_M2_K, shell.GLASS_SHGC)
GLASS_PATH = 1.07
"""What a pane takes up of light at usual angles, over straight light (found by comparing with EnergyPlus)."""


def _by_zone(areas: dict[str, float]) -> Array:
    return np.array([areas[zone] for zone in shell.ZONES])


FLOOR_M2, GLASS_M2 = _by_zone(shell.FLOOR_M2), _by_zone(shell.GLASS_M2)
WALL_M2 = _by_zone(shell.FACADE_M2) - GLASS_M2
VOLUME_M3 = FLOOR_M2 * shell.HEIGHT_M
FURNITURE_M2 = FLOOR_M2 * shell.FURNITURE_SHARE


def envelope(air_kg_m3: Sequence[float]) -> Envelope:
    """`air_kg_m3`: mean density of the room air, by world."""
    worlds = len(air_kg_m3)
    partitions = shell.shared_m2()
    links = tuple((shell.ZONES.index(one), shell.ZONES.index(other)) for one, other in partitions)
    boards = np.zeros(len(shell.ZONES))
    for link, area in zip(links, partitions.values(), strict=True):
        boards[list(link)] += area
    areas = np.stack([WALL_M2, FLOOR_M2, FLOOR_M2, boards + FURNITURE_M2])
    nodes, resistance = _nodes(areas, boards)
    through = np.array(list(partitions.values())) / (2.0 * shell.GYPSUM.resistance + 2.0 / PARTITION_FILM)
    parts = nodes | _shares(areas, resistance)
    parts |= {"surface_m2": areas.sum(axis=0) + GLASS_M2, "volume_m3": VOLUME_M3, "partition_w_k": through}
    return Envelope(
        **{name: np.repeat(part[..., None], worlds, axis=-1) for name, part in parts.items()},
        air_j_k=VOLUME_M3[:, None] * np.asarray(air_kg_m3) * CP_AIR_J_KG_K,
        links=links,
    )


def _nodes(areas: Array, boards_m2: Array) -> tuple[dict[str, Array], Array]:
    """Capacities and conductances, [elements, zones], and the resistances from the inner nodes to the surfaces."""
    inner, middle, beyond, resistance = (np.zeros_like(areas) for _ in range(4))
    outer = np.ones_like(areas)
    for row, (outside, inside) in NODES.items():
        out, node = lump(outside), lump(inside)
        film = 0.0 if row == FLOOR else 1.0 / OUTSIDE_FILM
        inner[row], outer[row] = areas[row] * node.capacity, areas[row] * out.capacity
        resistance[row] = node.after
        middle[row] = areas[row] / (out.after + node.before)
        beyond[row] = areas[row] / (out.before + film)
    board, wood = lump((shell.GYPSUM,)), shell.WOOD  # Furniture is warmed from both sides: half of it is each side's.
    inner[INSIDE] = boards_m2 * board.capacity + FURNITURE_M2 * wood.capacity / 2.0
    resistance[INSIDE] = (boards_m2 * board.after + FURNITURE_M2 * wood.resistance / 4.0) / areas[INSIDE]
    star = areas / (resistance + 1.0 / SURFACE_W_M2_K)
    is_there = areas > 0.0
    nodes = {"inner_j_k": np.where(is_there, inner, 1.0), "outer_j_k": np.where(is_there, outer, 1.0)}
    return nodes | {"star_w_k": star, "middle_w_k": middle, "beyond_w_k": beyond}, resistance


def _shares(area: Array, resistance: Array) -> dict[str, Array]:
    """Where light and radiation go: into nodes, and back to the star."""
    kept = 1.0 / (1.0 + resistance * SURFACE_W_M2_K)
    faces = (shell.GYPSUM, shell.GYPSUM, shell.CARPET, shell.WOOD)
    dark = np.array([face.solar_absorptance for face in faces])[:, None]
    diffuse = area * dark / ((area * dark).sum(axis=0) + GLASS_M2 * GLASS_SOLAR)
    beam = diffuse * (1.0 - dark[FLOOR])
    beam[FLOOR] += dark[FLOOR]
    total = area.sum(axis=0) + GLASS_M2
    radiant = area / total
    return {
        "beam_share": beam * kept,
        "beam_to_star": (beam * (1.0 - kept)).sum(axis=0),
        "diffuse_share": diffuse * kept,
        "diffuse_to_star": (diffuse * (1.0 - kept)).sum(axis=0),
        "radiant_share": radiant * kept,
        "radiant_to_star": (radiant * (1.0 - kept)).sum(axis=0) + GLASS_M2 / total,
    }


class Climate:
    """A weather file as the office feels it, a day at a time; arrays [1440, zones or 1, 1]."""

    def __init__(self, weather: Path, first: date, days: int) -> None:
        """Raises ConfigError."""
        self.sky = EpwSky(weather, [first], days)
        self.ground_c = ground_c(weather)
        self.pressure_pa = float(self.sky.year.pressure_pa.mean())

    def day(self, number: int) -> dict[str, Array]:
        sky = self.sky.day(number)
        outdoor, above, wind = sky.outdoor_c[:, None], sky.sky_c[:, None], np.asarray(sky.wind_m_s)[..., None, :]
        sides = [_lit(sky, facing) for facing in shell.FACING]
        cosine, beam, diffuse = (np.stack(rows, axis=1) for rows in zip(*sides, strict=True))
        light, roof_light = beam + diffuse, sky.irradiance_w_m2[:, None]
        glass, film = surfaces.outside_film(outdoor, above, wind, 0.0, emissivity=surfaces.GLASS_EMISSIVITY)
        clear = (GLASS_M2 * GLASS.transmittance)[:, None]
        return {
            "outdoor": outdoor,
            "air_kg_m3": np.asarray(sky.pressure_pa)[..., None, :] / (R_AIR * (outdoor + 273.15)),
            "wall": _skin_c(shell.BRICK, outdoor, above, wind, light),
            "roof": _skin_c(shell.MEMBRANE, outdoor, above, wind, roof_light, is_roof=True),
            "glass": glass,
            "window_w_k": GLASS_M2[:, None] * GLASS.to_star(film),
            "beam_w": beam * surfaces.through_glass(cosine) * clear,
            "diffuse_w": diffuse * surfaces.DIFFUSE_THROUGH * clear,
            "pane_w": light * (GLASS_M2 * GLASS_PATH * GLASS.inward(GLASS_FILM))[:, None],
        }


def _skin_c(layer: Layer, outdoor: Array, above: Array, wind: Array, light: Array, *, is_roof: bool = False) -> Array:
    """Sol-air temperature of an outermost layer."""
    told, _ = surfaces.outside_film(
        outdoor,
        above,
        wind,
        light,
        is_roof=is_roof,
        roughness=ROUGHNESS[layer.roughness],
        absorptance=layer.solar_absorptance,
    )
    return told


def _lit(sky: SkyDay, facing: str) -> tuple[Array, Array, Array]:
    """Cosine of incidence, beam and diffuse light of a facade, [1440, 1]; the core has none."""
    if not facing:
        dark = np.zeros_like(sky.outdoor_c)
        return dark, dark, dark
    return sky.incidence(facing), *sky.facade(facing)


class Gains:
    """Schedules of `ideal.py` by the minute, for a weekday and a day off."""

    def __init__(self) -> None:
        off = {"people": 0.0, "lights": 0.05, "plugs": 0.3, "fresh": 0.0}
        off |= {"heating": ideal.HEATING_OFF_C, "cooling": ideal.COOLING_OFF_C}
        work = {name: by_minute(getattr(ideal, name.upper())) for name in off}
        idle = {name: np.full(MINUTES, value) for name, value in off.items()}
        self._days = {True: work, False: idle}

    def day(self, today: date) -> dict[str, Array]:
        return self._days[today.weekday() < 5]


def by_minute(hours: Hours) -> Array:
    ends = np.array([until for until, _ in hours])
    values = np.array([value for _, value in hours])
    return values[np.searchsorted(ends, np.arange(MINUTES) / 60.0, side="right")]


def day_of(climates: Sequence[Climate], number: int, first: date, gains: Gains) -> tuple[EnvelopeDay, Array, Array]:
    """The day for the network, one world a climate, and its heating and cooling set-points [1440]."""
    today = first + timedelta(days=number)
    skies = [climate.day(number) for climate in climates]
    told = gains.day(today)

    def across(name: str) -> Array:
        return np.concatenate([sky[name] for sky in skies], axis=-1)

    kinds = (
        ("people", ideal.PERSON_W / zone_parts.FLOOR_M2_PERSON, zone_parts.PERSON_RADIANT),
        ("lights", zone_parts.LIGHT_W_M2, zone_parts.LIGHT_RADIANT),
        ("plugs", zone_parts.PLUG_W_M2, zone_parts.PLUG_RADIANT),
    )
    radiant = sum(told[name] * w_m2 * share for name, w_m2, share in kinds)
    convective = sum(told[name] * w_m2 * (1.0 - share) for name, w_m2, share in kinds)
    fresh_m3_s = np.array([zone_parts.fresh_m3_s(zone) for zone in shell.ZONES])
    m3_s = VOLUME_M3 * shell.INFILTRATION_ACH / 3600.0 + told["fresh"][:, None] * fresh_m3_s
    ground = np.array([climate.ground_c[today.month - 1] for climate in climates])
    floor = FLOOR_M2[:, None]
    day = EnvelopeDay(
        outdoor_c=across("outdoor")[:, 0],
        beyond_c=(across("wall"), across("roof"), np.broadcast_to(ground, (MINUTES, 1, len(climates)))),
        glass_c=across("glass"),
        window_w_k=across("window_w_k"),
        leak_w_k=m3_s[:, :, None] * across("air_kg_m3") * CP_AIR_J_KG_K,
        beam_w=across("beam_w"),
        diffuse_w=across("diffuse_w"),
        to_star_w=across("pane_w"),
        radiant_w=np.asarray(radiant)[:, None, None] * floor,
        to_air_w=np.asarray(convective)[:, None, None] * floor,
    )
    return day, told["heating"], told["cooling"]
