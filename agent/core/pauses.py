"""Growing, jittered pauses between tries at something that the world keeps refusing."""

from __future__ import annotations

import random

UPSTREAM_PAUSE_S = 1.5
"""The longest towards upstream: a link that is back is seen within 2 s; a knock costs the line a hundred bytes."""


class Pauses:
    """Each pause is about twice the last one, up to `longest_s`; the jitter keeps a fleet from knocking in step."""

    def __init__(self, *, first_s: float, longest_s: float, seed: str) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s
        # Seeded by name, not by the hour: gateways differ, and one gateway's run can be repeated.
        self._dice = random.Random(seed)

    def next(self) -> float:
        """Seconds to wait now: between half of this step and the whole of it."""
        step_s = self._next_s
        self._next_s = min(self._longest_s, step_s * 2)
        return step_s * (0.5 + 0.5 * self._dice.random())

    def reset(self) -> None:
        """It went well: the next fault starts from the first pause again."""
        self._next_s = self._first_s
