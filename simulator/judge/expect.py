"""What a scenario expects of an account, and whether it came so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Wanted(Protocol):
    """An entry of `expect:`."""

    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation of one controller, over the seeds: met when every seed meets it."""

    controller: str
    key: str
    wanted: str
    """Such as `at most 0.5`."""
    is_met: bool
    met: int
    seeds: int
    worst: float

    def __str__(self) -> str:
        said = "met" if self.is_met else "NOT met"
        return (
            f"{self.controller}: {self.key} {self.wanted}: {said} in {self.met} of {self.seeds} seeds, "
            f"worst {self.worst:g}"
        )


def judge(controller: str, expected: Mapping[str, Wanted], accounts: Sequence[Mapping[str, float]]) -> list[Finding]:
    """`accounts`: flat, by seed."""
    return [
        finding
        for key, wanted in expected.items()
        for finding in _judge(controller, key, wanted, [account[key] for account in accounts])
    ]


def _judge(controller: str, key: str, wanted: Wanted, values: list[float]) -> list[Finding]:
    found = []
    if wanted.max is not None:
        met = sum(value <= wanted.max for value in values)
        found.append(_finding(controller, key, f"at most {wanted.max:g}", met, values, max(values)))
    if wanted.min is not None:
        met = sum(value >= wanted.min for value in values)
        found.append(_finding(controller, key, f"at least {wanted.min:g}", met, values, min(values)))
    return found


def _finding(controller: str, key: str, wanted: str, met: int, values: list[float], worst: float) -> Finding:
    return Finding(
        controller=controller,
        key=key,
        wanted=wanted,
        is_met=met == len(values),
        met=met,
        seeds=len(values),
        worst=worst,
    )
