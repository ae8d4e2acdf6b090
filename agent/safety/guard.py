"""The gate: the only maker of `Command`. Pure and total; read it from top to bottom.

Rules, in their order, each with a stable name that stands in the journal:

| rule           | verdict | when                                                                |
|----------------|---------|---------------------------------------------------------------------|
| `no-limit`     | refuse  | the point has no limit in the site's envelope                       |
| `not-a-number` | refuse  | the wish is NaN or infinite                                         |
| `expired`      | refuse  | the wish was for an earlier time                                    |
| `blind`        | refuse  | a point that the limit needs is bad, stale or missing               |
| `unknown-start`| refuse  | the point's own present value cannot be read                        |
| `interlock`    | refuse  | a forbidding condition holds, or cannot be read                     |
| `unchanged`    | hold    | the machine follows this very value already, by our own command     |
| `too-soon`     | hold    | less than `hold_s` since our last move                              |
| `band`         | clip    | moved to low..high; the band has the last word, even over the step  |
| `step`         | clip    | moved by at most `step` from the present value                      |
| `within`       | allow   | as wished                                                           |
"""

from __future__ import annotations

import math
from typing import Literal

from agent.core.clock import Instant
from agent.core.command import Command, Proposal, Verdict
from agent.core.image import Image
from agent.core.limits import Interlock, Limit

SAME = 1e-6
"""Two values closer than this are one; far below any wire's resolution."""


def review(wish: Proposal, limit: Limit | None, last: Command | None, image: Image) -> Verdict:
    """Judge one wish against one point's limit.

    `last` is the last command given to this point in this lease, None when the device has its own control.
    """
    if limit is None or limit.point != wish.point:
        return _no("refuse", "no-limit", wish)
    if not math.isfinite(wish.value):
        return _no("refuse", "not-a-number", wish)
    if image.at.mono_s > wish.until_mono_s:
        return _no("refuse", "expired", wish)
    if is_blind(limit, image):
        return _no("refuse", "blind", wish)
    start = image.good(wish.point)
    if start is None:
        return _no("refuse", "unknown-start", wish)
    if any(_forbids(interlock, image) for interlock in limit.interlocks):
        return _no("refuse", "interlock", wish)

    stepped = clamp(wish.value, start - limit.step, start + limit.step)
    value = clamp(stepped, limit.low, limit.high)  # The band has the last word.

    if last is not None and _same(last.value, value) and _same(start, value):
        return _no("hold", "unchanged", wish)
    if last is not None and image.at.mono_s - last.at.mono_s < limit.hold_s:
        return _no("hold", "too-soon", wish)
    command = Command(point=wish.point, value=value, source=wish.source, reason=wish.reason, at=image.at)
    if value != stepped:
        return Verdict(kind="clip", rule="band", wish=wish, command=command)
    if stepped != wish.value:
        return Verdict(kind="clip", rule="step", wish=wish, command=command)
    return Verdict(kind="allow", rule="within", wish=wish, command=command)


def release(limit: Limit, reason: str, at: Instant) -> Command:
    """The command that lets a point go: its release value, or None to relinquish. Never held back by a rule."""
    value = None if limit.release == "relinquish" else float(limit.release)
    return Command(point=limit.point, value=value, source="release", reason=reason, at=at)


def is_blind(limit: Limit, image: Image) -> bool:
    """A point that this limit needs cannot be seen."""
    return any(image.good(point) is None for point in limit.needs)


def clamp(value: float, low: float, high: float) -> float:
    """The nearest value in low..high."""
    return max(low, min(high, value))


def _no(kind: Literal["hold", "refuse"], rule: str, wish: Proposal) -> Verdict:
    return Verdict(kind=kind, rule=rule, wish=wish)


def _same(left: float | None, right: float) -> bool:
    return left is not None and abs(left - right) <= SAME


def _forbids(interlock: Interlock, image: Image) -> bool:
    value = image.good(interlock.point)
    return value is None or not interlock.low <= value <= interlock.high
