"""How a group of lifts serves its passengers, by the round-trip-time formulas; a table, looked up each minute."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLOORS = 12
"""Floors above the entrance."""
CAR_CAPACITY = 13
"""Persons; a 1,000 kg car."""
FLOOR_TIME_S = 1.7
"""Passing one floor at rated speed: 3.4 m at 2 m/s."""
STOP_TIME_S = 8.0
"""Doors, and the time lost in stopping and starting (our assumption)."""
PASSENGER_TIME_S = 1.2
"""In or out, each (our assumption)."""
MOST_PASSENGERS = 400
"""In five minutes; more are served as these are."""


class Service(NamedTuple):
    """How a group serves, by cars in service and passengers in five minutes, [cars + 1, MOST_PASSENGERS + 1]."""

    waiting_s: Array
    runs_per_passenger: Array
    capacity_per_min: Array
    """Passengers a minute at 80 % full cars."""
    imbalance: Array
    """How far car and counterweight are apart, 0..1, in the mean of both directions."""


def round_trip(passengers: Array) -> tuple[Array, Array]:
    """Round-trip time in s and expected stops for `passengers` a car, leaving the entrance (up-peak).

    RTT = 2 H tv + (S + 1) ts + 2 P tp, with S and H expected over equal floors: Barney and Al-Sharif, Elevator
    Traffic Handbook; CIBSE Guide D, chapter 3.
    """
    stops = FLOORS * (1.0 - (1.0 - 1.0 / FLOORS) ** passengers)
    highest = FLOORS - sum((i / FLOORS) ** passengers for i in range(1, FLOORS))
    seconds = 2.0 * highest * FLOOR_TIME_S + (stops + 1.0) * STOP_TIME_S + 2.0 * passengers * PASSENGER_TIME_S
    return seconds, stops


@cache
def service(cars: int) -> Service:
    """The load of a car is what gathers in one interval, found by iteration; row 0, no car, serves nobody.

    AWT = 0.4 INT below half-full cars, [0.4 + (1.8 P/CC - 0.77)^2] INT above (Barney and dos Santos). The
    counterweight balances the half-full car (CIBSE Guide D, chapter 7); a car comes back empty, so there is always
    something to feed back, and least when the cars are half full.
    """
    rate, full = np.arange(MOST_PASSENGERS + 1) / 300.0, 0.8 * CAR_CAPACITY
    group = np.maximum(np.arange(cars + 1), 1)[:, None]
    load = np.ones((cars + 1, MOST_PASSENGERS + 1))
    for _ in range(60):
        seconds, stops = round_trip(load)
        load += 0.5 * (np.minimum(full, np.maximum(1.0, rate * seconds / group)) - load)
    seconds, stops = round_trip(load)
    filled = load / CAR_CAPACITY
    crowding = np.where(filled > 0.5, (1.8 * filled - 0.77) ** 2, 0.0)
    can = 60.0 * full * group / round_trip(np.array(full))[0] * np.ones_like(load)
    can[0] = 1e-9
    imbalance = 0.5 * (1.0 + np.abs(2.0 * filled - 1.0))
    return Service((0.4 + crowding) * seconds / group, (stops + 1.0) / load, can, imbalance)
