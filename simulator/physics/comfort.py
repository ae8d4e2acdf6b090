"""What people in zones have to bear, booked: temperatures outside the band, stale air, damp."""

from __future__ import annotations

from simulator.parts import SUB_STEP_S, Array, Books
from simulator.physics.psychrometrics import dew_point

COMFORT_LOW_C, COMFORT_HIGH_C = 20.5, 25.5
COMFORT_SLACK_K = 0.1
"""Less than this outside is not counted."""
DEW_POINT_MAX_C = 17.0
"""The upper dew point that ASHRAE TC 9.9 recommends for equipment; in offices the usual watch against damp."""
DAMP_KG_KG = 0.01217
"""Humidity ratio of that dew point at sea level; what is drier need not be looked at."""


def book_comfort(books: Books, air_c: Array, damp_kg_kg: Array, co2_ppm: Array, people: Array, is_on: Array) -> None:
    """One sub-step. `air_c`, `damp_kg_kg`, `co2_ppm`, `people` [zones, worlds]; `is_on` [zones, worlds] or [worlds]."""
    is_in = people > 0.0
    somebody = is_in.any(axis=0)
    if not somebody.any():
        return  # Nights are long, and most of what follows is for nobody.
    books.add("occupied_s", somebody * SUB_STEP_S)
    books.peak("co2_max_ppm", (co2_ppm * is_in).max(axis=0))
    for side, kelvin in (("hi", air_c - COMFORT_HIGH_C), ("lo", COMFORT_LOW_C - air_c)):
        is_out = is_in & (kelvin > COMFORT_SLACK_K)
        if is_out.any():
            out_k = kelvin * is_out
            books.add(f"zone_{side}_ks", out_k * SUB_STEP_S)
            books.peak(f"worst_{side}_k", out_k.max(axis=0))
    is_stale = is_in & ~is_on
    if is_stale.any():
        books.add("unvent_s", is_stale.any(axis=0) * SUB_STEP_S)
    is_damp = is_in & (damp_kg_kg > DAMP_KG_KG)
    if is_damp.any():
        over_k = (dew_point(damp_kg_kg) - DEW_POINT_MAX_C) * is_damp
        books.add("humid_ks", over_k.sum(axis=0) * SUB_STEP_S)
