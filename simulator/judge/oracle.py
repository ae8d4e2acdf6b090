"""What perfect foresight could have reached: a search with the true plant, its true weather and its true people.

Day by day, each candidate plan is lived to its end in a parallel world that knows nothing of the others; the best is
kept and the next day begins from there. Parts of the site that do not touch one another are searched side by side in
the same worlds. The result is a bound from below that a better search could raise, so its budget is told with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from simulator.judge.cem import CrossEntropy
from simulator.judge.coupling import Cluster, clusters_of
from simulator.judge.plans import Grip, as_held, rows_of, within
from simulator.judge.profile import Profile
from simulator.judge.toll import Reading, read_books, toll_kwh
from simulator.parts import Array
from simulator.plant import Account
from simulator.world import Worlds

DAY_S, HOUR_S = 86400.0, 3600.0
SEEDED_SHARE = 0.25
"""Of a day's first generation: a caretaker's plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a search may spend."""

    worlds: int = 128
    """Candidates a generation."""
    generations: int = 12
    """A day; twice as many on the first."""
    lookahead_h: float = 9.0
    """A plan is judged so far into the next day, or midnight would be a cliff: the next morning has to be warm."""

    def generations_over(self, days: int) -> int:
        return self.generations * (days + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the search came to."""

    account: Account
    hold: Account
    """The same days under own control."""
    hourly_kw: tuple[float, ...]
    budget: Budget
    evaluations: int
    """Days lived by candidates."""
    clusters: tuple[tuple[str, ...], ...]
    """Points that were searched together."""
    days_own: tuple[int, ...]
    """By cluster, days on which nothing better than own control was found."""
    is_own: bool
    """Own control came out better over all days, and is what is told."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "budget": asdict(self.budget),
            "evaluations": self.evaluations,
            "clusters": [list(points) for points in self.clusters],
            "days_own": list(self.days_own),
            "is_own": self.is_own,
        }


def search(
    alone: Worlds, many: Worlds, days: int, budget: Budget, seed: int, tell: Callable[[float], None] = lambda work: None
) -> Found:
    """`alone`: one world of the site, `many`: `budget.worlds` copies of it; both with a day more than `days`."""
    own = OwnDays.lived(alone, days, budget)
    while many.unix_s < many.judge_unix_s - 0.5:
        many.step()
    many.start_account()
    return _Search(many, own, budget, seed, tell).over(days)


@dataclass(frozen=True, slots=True)
class OwnDays:
    """The judged days under own control: what must not get worse."""

    account: Account
    books: list[Reading]
    """By whole hours since the judged days began."""
    hourly_kw: tuple[float, ...]

    @classmethod
    def lived(cls, alone: Worlds, days: int, budget: Budget) -> OwnDays:
        while alone.unix_s < alone.judge_unix_s - 0.5:
            alone.step()
        alone.start_account()
        books = [read_books(alone)]
        account, profile = None, Profile(alone.names)
        for hour in range(1, int(24 * days + budget.lookahead_h) + 1):
            while alone.unix_s < alone.judge_unix_s + HOUR_S * hour - 0.5:
                alone.step()
                if hour <= 24 * days:
                    profile.add(alone.unix_s, alone.step_s, alone.read()[:, 0])
            books.append(read_books(alone))
            if hour == 24 * days:
                account = alone.accounts()[0]
        assert account is not None
        return cls(account, books, profile.hourly_kw())

    def between(self, from_h: int, to_h: int) -> Reading:
        return self.books[to_h].since(self.books[from_h])


@dataclass(slots=True, kw_only=True)
class Searched:
    """A cluster with the state of its search."""

    cluster: Cluster
    cem: CrossEntropy
    grip: Grip
    """[knobs, 1]."""
    own_kwh: float = np.inf
    """Toll of own control on this day."""
    days_own: int = 0
    vectors: Array = field(default_factory=lambda: np.empty(0))

    @property
    def is_better(self) -> bool:
        return self.cem.best_cost < self.own_kwh


class _Search:
    def __init__(self, worlds: Worlds, own: OwnDays, budget: Budget, seed: int, tell: Callable[[float], None]) -> None:
        self._worlds, self._own, self._budget, self._tell = worlds, own, budget, tell
        self._dice = np.random.default_rng([seed, 0x6F7261])
        self._step_s = worlds.step_s
        self._hours = np.arange(0.0, 24.0 + budget.lookahead_h, self._step_s / HOUR_S)
        self._searched = [
            Searched(
                cluster=cluster,
                cem=CrossEntropy(cluster.shape.size, self._dice),
                grip=Grip.fresh(worlds.read()[rows_of(worlds, cluster.shape.knobs), :1]),
            )
            for cluster in clusters_of(worlds, self._dice)
        ]
        self._evaluations = 0

    def over(self, days: int) -> Found:
        profile = Profile(self._worlds.names)
        for day in range(days):
            for generation in range(self._budget.generations * (2 if day == 0 else 1)):
                self._generation(day, generation)
                self._tell(1.0)
            self._keep(day, profile)
        return self._found(days, profile)

    def _generation(self, day: int, generation: int) -> None:
        """One of so many of this day."""
        worlds = self._worlds.copy()
        for one in self._searched:
            one.vectors = self._candidates(one, generation)
        orders = [self._orders(one, day, is_own_first=generation == 0) for one in self._searched]
        before = read_books(worlds)
        self._live(worlds, orders, len(self._hours), None)
        self._evaluations += worlds.worlds
        used = read_books(worlds).since(before)
        own = self._own.between(24 * day, int(24 * day + 24 + self._budget.lookahead_h))
        for one in self._searched:
            costs = toll_kwh(used, own, one.cluster.rows, one.cluster.lifts)
            if generation == 0:
                one.own_kwh = float(costs[0])
            skip = 1 if generation == 0 else 0
            one.cem.tell(one.vectors[:, skip:], costs[skip:])

    def _candidates(self, one: Searched, generation: int) -> Array:
        """[size, worlds]; of the first generation the first is own control, and the second what was best yesterday."""
        count = self._worlds.worlds
        if generation:
            return one.cem.ask(count)
        one.cem.reopen()
        seeded = max(1, round(SEEDED_SHARE * count))
        caretaker = one.cluster.shape.two_level(seeded, self._dice)
        best = one.cem.best[:, None]
        return np.concatenate((best, best, caretaker, one.cem.ask(count - seeded - 2)), axis=1)

    def _orders(self, one: Searched, day: int, *, is_own_first: bool) -> Array:
        """Of this generation, [knobs, steps, worlds]."""
        knobs, count = one.cluster.shape.knobs, one.vectors.shape[1]
        wanted = one.cluster.shape.wanted(one.vectors, self._hours)
        grip = Grip(np.tile(one.grip.present, count), np.tile(one.grip.moved_s, count))
        orders = within(knobs, wanted, grip, DAY_S * day, self._step_s)
        if is_own_first:
            orders[:, :, 0] = np.nan
        return orders

    def _keep(self, day: int, profile: Profile) -> None:
        """Live the day in earnest with the best of each cluster."""
        count = round(DAY_S / self._step_s)
        orders = []
        for one in self._searched:
            knobs = one.cluster.shape.knobs
            if one.is_better:
                wanted = one.cluster.shape.wanted(one.cem.best[:, None], self._hours[:count])
                best = within(knobs, wanted, one.grip, DAY_S * day, self._step_s)
            else:
                one.days_own += 1
                best = np.full((len(knobs), count, 1), np.nan)
            orders.append(best)
        self._live(self._worlds, orders, count, profile)
        shown = self._worlds.read()
        for one in self._searched:
            if not one.is_better:
                one.grip = Grip.fresh(shown[rows_of(self._worlds, one.cluster.shape.knobs), :1])

    def _live(self, worlds: Worlds, orders: list[Array], steps: int, profile: Profile | None) -> None:
        for k in range(steps):
            held: dict[str, Any] = {}
            for one, mine in zip(self._searched, orders, strict=True):
                held |= as_held(one.cluster.shape.knobs, mine, k)
            worlds.hold(held)
            worlds.step()
            if profile is not None:
                profile.add(worlds.unix_s, worlds.step_s, worlds.read()[:, 0])

    def _found(self, days: int, profile: Profile) -> Found:
        used, own = read_books(self._worlds), self._own.between(0, 24 * days)
        rows = list(range(len(used.spent_j)))
        lifts = list(range(len(used.waits)))
        is_own = float(toll_kwh(used, own, rows, lifts)[0]) >= float(toll_kwh(own, own, rows, lifts)[0])
        return Found(
            account=self._own.account if is_own else self._worlds.accounts()[0],
            hold=self._own.account,
            hourly_kw=self._own.hourly_kw if is_own else profile.hourly_kw(),
            budget=self._budget,
            evaluations=self._evaluations,
            clusters=tuple(tuple(knob.point for knob in one.cluster.shape.knobs) for one in self._searched),
            days_own=tuple(one.days_own for one in self._searched),
            is_own=is_own,
        )
