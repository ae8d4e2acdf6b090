"""Zones by their constructions: walls, roof, floor and furniture as nodes that meet in a star.

Arrays [elements, zones, worlds] or [zones, worlds]. Each element (wall, roof, floor, inside) has an inner and an outer
node; all inside surfaces of a zone, its glass and its air exchange heat in a star that holds none (EN ISO 13790, annex
C, with nodes for each element instead of one for all). Inside convection follows the temperature difference. Compared
with EnergyPlus in five climates: `simulator/energyplus/compare.py`, `make bench`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.parts import SUB_STEP_S

Array = NDArray[np.float64]

RADIATION_W_M2_K = 5.1
"""Between inside surfaces near 20 C: emissivity 0.9 times 5.7."""
TO_STAR_W_M2_K = 1.2 * RADIATION_W_M2_K
"""1.2 as EN ISO 13790 has it for what reaches other surfaces: annex C."""
CONVECTION = 1.25
"""W/(m2 K) at 1 K, by the cube root: 1.31 on walls, 1.52 and 0.76 on warm and cool floors (Walton 1983), by area."""
CONVECTION_FROM_K = 0.5
"""Surfaces differ so much from the air even where their mean does not (our assumption)."""
SURFACE_SHARE = 1.26
"""Surface to air over star to air, at 1.6 W/(m2 K)."""
SURFACE_W_M2_K = 1.6 + TO_STAR_W_M2_K
"""A surface to the star: convection at 2 K, and radiation."""
GLASS_SOLAR = 0.3
"""Share of the light inside that goes out again where it meets glass (our assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One material of one thickness."""

    name: str
    thickness_m: float
    conductivity_w_m_k: float
    density_kg_m3: float
    heat_j_kg_k: float
    roughness: str = "MediumRough"
    solar_absorptance: float = 0.7

    @property
    def resistance(self) -> float:
        """m2 K/W."""
        return self.thickness_m / self.conductivity_w_m_k

    @property
    def capacity(self) -> float:
        """J/(m2 K)."""
        return self.thickness_m * self.density_kg_m3 * self.heat_j_kg_k


@dataclass(frozen=True, slots=True, kw_only=True)
class Lump:
    """Layers as one node at the middle of their heat capacity."""

    capacity: float
    """J/(m2 K)."""
    before: float
    """m2 K/W from its outer face to the node."""
    after: float
    """From the node to its inner face."""


def lump(layers: Sequence[Layer]) -> Lump:
    """`layers` from outside to inside; where the node lies, the resistance is weighted by capacity."""
    total = sum(layer.capacity for layer in layers)
    passed = moment = 0.0
    for layer in layers:
        moment += layer.capacity * (passed + 0.5 * layer.resistance)
        passed += layer.resistance
    return Lump(capacity=total, before=moment / total, after=passed - moment / total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glazing:
    """A window as one layer, by Arasteh, Kohler and Griffith, Modeling Windows in EnergyPlus with Simple Performance
    Indices (LBNL-2804E, 2009), for U below 3.4 and SHGC above 0.15."""

    resistance: float
    """m2 K/W of the glass alone."""
    transmittance: float
    """Of the sun, straight on."""
    absorptance: float

    @classmethod
    def of(cls, u_w_m2_k: float, shgc: float) -> Glazing:
        if u_w_m2_k > 3.4 or shgc < 0.15:
            raise ValueError(f"no simple window for U {u_w_m2_k} and SHGC {shgc}")
        inside = 1.0 / (0.359073 * np.log(u_w_m2_k) + 6.949915)
        resistance = 1.0 / u_w_m2_k - inside - 1.0 / (0.025342 * u_w_m2_k + 29.163853)
        transmittance = 0.085775 * shgc**2 + 0.963954 * shgc - 0.084958
        rest = shgc - transmittance
        inward = 1.0 / (29.436546 * rest**3 - 21.943415 * rest**2 + 9.945872 * rest + 7.426151)
        outward = 1.0 / (2.225824 * rest + 20.577080)
        absorptance = rest * (outward + resistance + inward) / (outward + 0.5 * resistance)
        return cls(resistance=float(resistance), transmittance=transmittance, absorptance=float(absorptance))

    def to_star(self, outside_film: Array | float) -> Array:
        """W/(m2 K) from the star to the outside temperature."""
        return np.asarray(1.0 / (self.resistance + 1.0 / outside_film + 1.0 / SURFACE_W_M2_K))

    def inward(self, outside_film: float) -> float:
        """Share of the sun on it that the pane takes up and gives to the room: half of it at each face."""
        total = self.resistance + 1.0 / outside_film + 1.0 / SURFACE_W_M2_K
        return self.absorptance * (0.5 * self.resistance + 1.0 / outside_film) / total


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Parameters. Shares of light and radiation sum to less than 1 where glass lets some out."""

    inner_j_k: Array
    """[elements, zones, worlds], and so the next four."""
    outer_j_k: Array
    star_w_k: Array
    """Inner node to star."""
    middle_w_k: Array
    """Inner to outer node, 0 where there is none."""
    beyond_w_k: Array
    """Outer node to what lies beyond: sol-air or ground."""
    surface_m2: Array
    """Inside surfaces with the glass, [zones, worlds]."""
    air_j_k: Array
    volume_m3: Array
    partition_w_k: Array
    """Air of two zones to each other, [links, worlds]."""
    links: tuple[tuple[int, int], ...]
    """The zones each partition stands between."""
    beam_share: Array
    """[elements, zones, worlds]: of the sun's beam through the glass, what the inner nodes take up at once."""
    beam_to_star: Array
    """[zones, worlds]; as all surfaces have a resistance, some of their heat goes to the room straight away."""
    diffuse_share: Array
    diffuse_to_star: Array
    radiant_share: Array
    """Of people, lights and machines, what they radiate."""
    radiant_to_star: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeDay:
    """What a day brings into the zones whatever the machines do, [minutes, zones, worlds] unless told otherwise."""

    outdoor_c: Array
    """[minutes, worlds]."""
    beyond_c: tuple[Array, ...]
    """By element, each [minutes, zones or 1, worlds]."""
    glass_c: Array
    """Outside of the glass."""
    window_w_k: Array
    """Star to `glass_c`."""
    leak_w_k: Array
    """Outdoor air that comes in by itself or by fans."""
    beam_w: Array
    """Through the glass."""
    diffuse_w: Array
    to_star_w: Array
    """Of the sun, what the glass took up and gives to the room."""
    radiant_w: Array
    to_air_w: Array


class EnvelopeHeat:
    """Temperatures of all nodes: explicit Euler, the star by its balance in each sub-step.

    `settle`, add what the machines bring to its answer, `advance`.
    """

    def __init__(self, envelope: Envelope, start_c: float = 20.0) -> None:
        self.envelope = envelope
        shape = envelope.inner_j_k.shape
        self.air_c = np.full(shape[1:], start_c)
        self.star_c = np.full(shape[1:], start_c)
        self.inner_c = np.full(shape, start_c)
        self.outer_c = np.full(shape, start_c)
        self._beyond = np.full(shape, start_c)
        self._inside_w = np.zeros(shape)
        self._to_star = envelope.star_w_k.sum(axis=0)
        self._area = envelope.surface_m2 / TO_STAR_W_M2_K
        self.s_per_air = SUB_STEP_S / envelope.air_j_k
        self._s_per_inner = SUB_STEP_S / envelope.inner_j_k
        self._s_per_outer = SUB_STEP_S / envelope.outer_j_k
        self._between = np.zeros((len(envelope.links), shape[1]))
        for row, (one, other) in enumerate(envelope.links):
            self._between[row, one], self._between[row, other] = 1.0, -1.0

    def settle(self, minute: int, day: EnvelopeDay) -> Array:
        """W into the air of each zone as things are now, without machines."""
        e, air = self.envelope, self.air_c
        beam, diffuse, radiant = day.beam_w[minute], day.diffuse_w[minute], day.radiant_w[minute]
        window = day.window_w_k[minute]
        convection = CONVECTION * np.cbrt(np.maximum(SURFACE_SHARE * np.abs(self.star_c - air), CONVECTION_FROM_K))
        to_air = self._area * convection * (convection + TO_STAR_W_M2_K)
        given = (e.star_w_k * self.inner_c).sum(axis=0) + window * day.glass_c[minute] + to_air * air
        given += beam * e.beam_to_star + diffuse * e.diffuse_to_star + radiant * e.radiant_to_star
        self.star_c = (given + day.to_star_w[minute]) / (self._to_star + window + to_air)
        self._inside_w = beam * e.beam_share + diffuse * e.diffuse_share + radiant * e.radiant_share
        into = (
            to_air * (self.star_c - air) + day.leak_w_k[minute] * (day.outdoor_c[minute] - air) + day.to_air_w[minute]
        )
        if e.links:
            into -= self._between.T @ (e.partition_w_k * (self._between @ air))
        return np.asarray(into)

    def advance(self, minute: int, day: EnvelopeDay, into_air_w: Array) -> None:
        """One sub-step, with all that goes into the air."""
        e = self.envelope
        for row, beyond in enumerate(day.beyond_c):
            self._beyond[row] = beyond[minute]
        inward = e.middle_w_k * (self.outer_c - self.inner_c)
        out = e.beyond_w_k * (self._beyond - self.outer_c) - inward
        taken = e.star_w_k * (self.star_c - self.inner_c) + inward + self._inside_w
        self.inner_c = self.inner_c + taken * self._s_per_inner
        self.outer_c = self.outer_c + out * self._s_per_outer
        self.air_c = self.air_c + into_air_w * self.s_per_air

    def stored_j(self) -> Array:
        """Heat in all nodes above 0 C, [worlds]."""
        e = self.envelope
        nodes = (e.inner_j_k * self.inner_c).sum(axis=(0, 1)) + (e.outer_j_k * self.outer_c).sum(axis=(0, 1))
        return np.asarray(nodes + (e.air_j_k * self.air_c).sum(axis=0))
