"""Who is heard when several wish for one point."""

from __future__ import annotations

from collections.abc import Iterable

from agent.core.command import Proposal

RANKS = {"operator": 0, "control": 1, "upstream": 2, "planner": 3, "baseline": 4}
"""The lower number is heard; every one of them still passes the guard. Who stands at the site outranks who does not."""


def choose(wishes: Iterable[Proposal]) -> list[Proposal]:
    """One wish a point: the highest rank, and of equals the first. Keeps the order in which points first came."""
    chosen: dict[str, Proposal] = {}
    for wish in wishes:
        rival = chosen.get(wish.point)
        if rival is None or _rank(wish) < _rank(rival):
            chosen[wish.point] = wish
    return list(chosen.values())


def _rank(wish: Proposal) -> int:
    return RANKS.get(wish.source, len(RANKS))
