"""YAML with the line of each key, so that a mistake can be shown where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from agent.core.errors import ConfigError, Problem

LARGEST_BYTES = 4_000_000
LARGEST_ENTRIES = 200_000
DEEPEST = 20
"""No site needs more; aliases of aliases of aliases would fill the memory."""
SNIPPET = re.compile(r" with value .*|(?<=undefined alias) .*", re.DOTALL)

Finding = tuple[Sequence[str | int], str, str, str | None]
"""Where, found, wanted, nearest known name."""


class Sheet:
    """A parsed file that knows where each of its entries stands."""

    def __init__(self, path: Path, tree: CommentedMap) -> None:
        self.path = path
        self.tree = tree

    def problem(self, where: Sequence[str | int], found: str, wanted: str, nearest: str | None = None) -> Problem:
        """A mistake at a place; of a missing key the line is its parent's."""
        key, line = self._place(where)
        return Problem(file=str(self.path), line=line, key=key, found=found, wanted=wanted, nearest=nearest)

    def _place(self, where: Sequence[str | int]) -> tuple[str, int]:
        told: Any = self.tree
        line, steps = 1, []
        for place, step in enumerate(where):
            is_last = place == len(where) - 1
            if isinstance(told, CommentedMap) and step in told:
                # What came in by `<<:` has no line of its own: its parent's is shown.
                marks = told.lc.data or {}
                line = marks[step][0] + 1 if step in marks else line
                told = told[step]
            elif isinstance(told, CommentedSeq) and isinstance(step, int) and step < len(told):
                line = told.lc.item(step)[0] + 1
                told = told[step]
            elif not is_last:
                continue  # The tag of a union that pydantic puts into its path is no key of the file.
            steps.append(str(step))
        return ".".join(steps) or "the file", line


def read_sheet(path: Path) -> Sheet:
    """Parse a YAML mapping. Raises ConfigError with the line."""
    text = _read(path)
    yaml = YAML(typ="rt")
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        # ruamel shows both values of a key that stands twice, and `*name`: they may be secrets.
        found = SNIPPET.sub("", " ".join(str(fault.problem or fault.context or "broken YAML").split()))
        raise _broken(path, mark.line + 1 if mark else 0, found) from None
    except (YAMLError, ValueError, RecursionError) as fault:
        raise _broken(path, 0, " ".join(str(fault).split())[:200] or type(fault).__name__) from None
    if not isinstance(tree, CommentedMap):
        found = "an empty file" if tree is None else f"a {type(tree).__name__.removeprefix('Commented').lower()}"
        raise _broken(path, 1, found)
    if _is_huge(tree):
        wanted = f"at most {LARGEST_ENTRIES} entries, {DEEPEST} deep"
        raise _broken(path, 0, "more entries than a site has, by aliases of aliases", wanted)
    return Sheet(path, tree)


def plain(told: Any) -> Any:
    """Without ruamel's types."""
    if isinstance(told, dict):
        return {str(key): plain(value) for key, value in told.items()}
    if isinstance(told, list):
        return [plain(value) for value in told]
    return told


def _is_huge(tree: Any) -> bool:
    """Whether the entries, with every alias written out, are too many or too deep."""
    waiting, seen = [(tree, 0)], 0
    while waiting:
        told, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > LARGEST_ENTRIES:
            return True
        inner = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
        waiting += [(entry, depth + 1) for entry in inner]
    return False


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise _broken(path, 0, (fault.strerror or type(fault).__name__).lower(), "a file that can be read") from None
    if len(data) > LARGEST_BYTES:
        raise _broken(path, 0, f"{len(data)} bytes", f"at most {LARGEST_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise _broken(path, line, "a byte that is not UTF-8", "a text file in UTF-8") from None
    for number, row in enumerate(text.splitlines(), start=1):
        if row[: len(row) - len(row.lstrip())].count("\t"):
            raise _broken(path, number, "a tab in the indentation", "spaces")
    return text


def _broken(path: Path, line: int, found: str, wanted: str = "a YAML mapping, such as `version: 1`") -> ConfigError:
    return ConfigError([Problem(file=str(path), line=line, key="the file", found=found, wanted=wanted)])


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one looks like."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def unknown(where: Sequence[str | int], name: str, known: Sequence[str], what: str) -> Finding:
    """A name that is none of those known, told with all of them."""
    return where, f"`{name}`", f"{what}: {', '.join(known) or 'there is none yet'}", nearest(name, known)
