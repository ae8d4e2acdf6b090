"""How figures spread over seeds, and how sure a change against own control is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

METHOD = (
    "Spread: mean, standard deviation (n - 1), least and greatest over the seeds. Change: each seed's run against the "
    "run of the same seed in which nobody writes; mean of these differences with a 95 % interval by Student's t."
)

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t, two-sided 95 %, for 1 to 30 degrees of freedom: NIST/SEMATECH e-Handbook, section 1.3.6.7.2."""


def t_975(freedom: int) -> float:
    """Beyond the table: the first terms of the Cornish-Fisher expansion about the normal's 1.95996."""
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    return 1.95996 + 2.37227 / freedom + 2.8225 / freedom**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure over the seeds."""

    mean: float
    sd: float | None
    """None from one seed."""
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        sd = statistics.stdev(values) if len(values) > 1 else None
        return cls(mean=math.fsum(values) / len(values), sd=sd, min=min(values), max=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean of differences, and where it lies with 95 %."""

    mean: float
    low: float | None
    """None from one seed: nothing is known of how it spreads."""
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        mean = math.fsum(values) / len(values)
        if len(values) < 2:
            return cls(mean=mean, low=None, high=None)
        reach = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
        return cls(mean=mean, low=mean - reach, high=mean + reach)

    @property
    def is_sure(self) -> bool:
        """The whole interval lies on one side of nothing."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure against own control, paired by seed."""

    change: Interval
    pct: Interval | None
    """Of own control's figure of that seed; None where that is nothing in some seed."""

    @classmethod
    def of(cls, hold: Sequence[float], values: Sequence[float]) -> Change:
        """Both by seed, in the same order."""
        pairs = list(zip(hold, values, strict=True))
        pct = None
        if all(own > 1e-9 for own in hold):
            pct = Interval.of([100.0 * (value - own) / own for own, value in pairs])
        return cls(change=Interval.of([value - own for own, value in pairs]), pct=pct)


def captured(hold: Sequence[float], values: Sequence[float], oracle: Sequence[float]) -> float | None:
    """Share of what perfect foresight saved over all seeds that was saved here; None where it saved nothing."""
    reachable = math.fsum(hold) - math.fsum(oracle)
    return (math.fsum(hold) - math.fsum(values)) / reachable if reachable > 1e-9 else None
