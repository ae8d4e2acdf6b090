"""Sets of whole numbers as ranges: which records are kept, which are under way, where the gaps are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last, both included."""


class Ranges:
    """Disjoint, ascending, and never touching one another: neighbours are one range."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Also what is there already; nothing for an empty range."""
        if last < first:
            return
        begin = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]

    def covers(self, first: int, last: int) -> bool:
        place = bisect_right(self._firsts, first) - 1
        return place >= 0 and self._lasts[place] >= last

    def end_of(self, seq: int) -> int:
        """The last of the range that holds `seq`; `seq - 1` where none does."""
        place = bisect_right(self._firsts, seq) - 1
        return self._lasts[place] if place >= 0 and self._lasts[place] >= seq else seq - 1

    def gap_after(self, seq: int, until: int) -> Range | None:
        """The first range beyond `seq` that is missing, cut off at `until`; None when there is none."""
        first = self.end_of(seq + 1) + 1
        if first > until:
            return None
        place = bisect_left(self._firsts, first)
        return first, min(until, self._firsts[place] - 1 if place < len(self._firsts) else until)

    @property
    def last(self) -> int:
        """The highest number in it; 0 for none."""
        return self._lasts[-1] if self._lasts else 0

    def __iter__(self) -> Iterator[Range]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        return len(self._firsts)

    def near(self, seq: int, most: int) -> list[Range]:
        """At most so many ranges, those around `seq`."""
        place = max(0, bisect_right(self._firsts, seq) - most // 2 - 1)
        return list(zip(self._firsts, self._lasts, strict=True))[place : place + most]
