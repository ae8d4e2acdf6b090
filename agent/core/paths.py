"""Paths into JSON: `air.temperature`, `list[0].v`, `readings[*].v`, `metrics[name=T1].value`, `["a.b"].c`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

STEP = re.compile(r'(?:^|\.)([^.\[\]"]+)|(?:^|\.)?\[(?:"([^"]*)"|(-?\d+)|(\*)|([^=\]"]+)=([^\]"]*))\]')
DEEPEST = 16


@dataclass(frozen=True, slots=True)
class _Each:
    """Every entry of a list."""


@dataclass(frozen=True, slots=True)
class _Match:
    """The entry of a list whose `key` says `value`."""

    key: str
    value: str


_Step = str | int | _Each | _Match


class Path:
    """A path, taken apart once."""

    __slots__ = ("_head", "_steps", "_tail", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no path."""
        self.text = text
        self._steps = _parse(text)
        places = [place for place, step in enumerate(self._steps) if isinstance(step, _Each)]
        if len(places) > 1:
            raise ValueError("a path with one * at most")
        self._head = self._steps[: places[0]] if places else self._steps
        self._tail = self._steps[places[0] + 1 :] if places else None

    @property
    def is_many(self) -> bool:
        """Whether it leads to each entry of a list."""
        return self._tail is not None

    def find(self, told: Any) -> Any:
        """What stands there. Raises ValueError when nothing does."""
        for step in self._head:
            told = told[step] if type(told) is dict and step in told else self._walk(told, step)
        return told

    def find_all(self, told: Any) -> list[Any]:
        """What stands in each entry of the list that `*` means; ValueError where one has none, or there is no list."""
        rows = self.find(told)
        if not isinstance(rows, list):
            raise ValueError(f"found no list at `{self.text}`")
        for step in self._tail or ():
            rows = [self._walk(row, step) for row in rows]
        return rows

    def _walk(self, told: Any, step: _Step) -> Any:
        if isinstance(told, dict) and isinstance(step, str) and step in told:
            return told[step]
        if isinstance(told, list):
            if isinstance(step, str) and step.isdecimal():
                step = int(step)
            if isinstance(step, int) and -len(told) <= step < len(told):
                return told[step]
            if isinstance(step, _Match):
                for row in told:
                    if isinstance(row, dict) and str(row.get(step.key)) == step.value:
                        return row
        raise ValueError(f"found nothing at `{self.text}`")


def _parse(text: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    place = 0
    while place < len(text):
        found = STEP.match(text, place)
        if found is None or found.end() == place:
            raise ValueError("a path such as air.temperature, list[0].v or metrics[name=T1].value")
        name, quoted, index, each, key, value = found.groups()
        if name is not None:
            steps.append(_Each() if name == "*" else name)
        elif quoted is not None:
            steps.append(quoted)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(_Each() if each else _Match(key, value))
        place = found.end()
    if not 0 < len(steps) <= DEEPEST:
        raise ValueError(f"a path of 1 to {DEEPEST} steps")
    return tuple(steps)
