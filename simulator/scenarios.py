"""Loads a scenario, a YAML file by name or path, and builds its plant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.core.errors import ConfigError, Problem
from simulator.physics.weather import SEASONS
from simulator.plant import Plant
from simulator.sites.tower import OfficeTower, OwnControl, Plan

FOLDER = Path(__file__).parent / "scenarios"

Check = tuple[str, Callable[[Any], bool]]
"""What is wanted, in words and as a test."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(low: int, high: int) -> Check:
    return f"a whole number {low}..{high}", lambda v: _is_number(v) and v == int(v) and low <= v <= high


def _number(low: float, high: float) -> Check:
    return f"a number {low}..{high}", lambda v: _is_number(v) and low <= v <= high


def _one_of(*names: str) -> Check:
    return "one of " + ", ".join(names), lambda v: v in names


KEYS: dict[str, Check] = {
    "site": _one_of("tower"),
    "season": _one_of(*SEASONS),
    "start": ("a date such as 2019-07-01", lambda v: type(v) is date),
    "learn_days": _whole(0, 400),
    "days": _whole(1, 400),
    "wire_step_s": ("60, 300, 600, 900, 1800 or 3600", lambda v: v in (60, 300, 600, 900, 1800, 3600)),
    "seed": _whole(0, 2**31),
    "latitude": _number(-66.0, 66.0),
    "spread": _number(0.0, 0.5),
    "holidays": ("a list of dates", lambda v: isinstance(v, list) and all(type(d) is date for d in v)),
    "own_control": ("a mapping", lambda v: isinstance(v, dict)),
}
REQUIRED = ("site", "season", "start", "learn_days", "days", "wire_step_s", "seed", "latitude", "spread")
OWN_KEYS: dict[str, Check] = {
    "start_h": _number(0.0, 24.0),
    "stop_h": _number(0.0, 24.0),
    "crac_fan_pct": _number(30.0, 100.0),
} | {f.name: _number(5.0, 35.0) for f in fields(OwnControl) if f.name.endswith("_c")}


def names() -> list[str]:
    """Scenarios that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(name: str | Path) -> Path:
    """The file of a scenario, by name or path. Raises ConfigError."""
    own = FOLDER / f"{name}.yaml"
    path = own if own.is_file() else Path(name)
    if not path.is_file():
        nearest = _nearest(str(name), names())
        wanted = "a scenario's name or the path of its file"
        raise ConfigError(
            [Problem(file=str(name), line=0, key="scenario", found="no such file", wanted=wanted, nearest=nearest)]
        )
    return path


def read(name: str | Path) -> Plan:
    """The plan in a file. Raises ConfigError with every mistake found."""
    path = find(name)
    try:
        told = YAML().load(path.read_text(encoding="utf-8"))
    except YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        found = getattr(fault, "problem", None) or "broken YAML"
        problem = Problem(file=str(path), line=line, key="scenario", found=str(found), wanted="a YAML mapping")
        raise ConfigError([problem]) from fault
    if not isinstance(told, dict):
        raise ConfigError(
            [Problem(file=str(path), line=0, key="scenario", found="no mapping", wanted="a YAML mapping")]
        )
    problems = _problems(path, "", told, KEYS, REQUIRED)
    if isinstance(told.get("own_control"), dict):
        problems += _problems(path, "own_control.", told["own_control"], OWN_KEYS, ())
    if problems:
        raise ConfigError(problems)
    return _plan(told)


def load(
    name: str | Path,
    *,
    seed: int | None = None,
    start: date | str | None = None,
    days: int | None = None,
    learn_days: int | None = None,
    wire_step_s: float | None = None,
) -> Plant:
    """Build the plant of a scenario; an argument that is given outranks the file. Raises ConfigError."""
    told = {"seed": seed, "start": _date(start), "days": days, "learn_days": learn_days, "wire_step_s": wire_step_s}
    given = {key: value for key, value in told.items() if value is not None}
    problems = [_wrong(f"argument to {name}", 0, key, v) for key, v in given.items() if not KEYS[key][1](v)]
    if problems:
        raise ConfigError(problems)
    return OfficeTower(replace(read(name), **given))


def _date(start: date | str | None) -> Any:
    """A date where the text is one; else the text, which the check will refuse."""
    try:
        return date.fromisoformat(start) if isinstance(start, str) else start
    except ValueError:
        return start


def _plan(told: Mapping[str, Any]) -> Plan:
    return Plan(
        season=told["season"],
        start=told["start"],
        learn_days=int(told["learn_days"]),
        days=int(told["days"]),
        wire_step_s=float(told["wire_step_s"]),
        seed=int(told["seed"]),
        latitude=float(told["latitude"]),
        spread=float(told["spread"]),
        holidays=tuple(told.get("holidays", ())),
        own=OwnControl(**{key: float(value) for key, value in told.get("own_control", {}).items()}),
    )


def _problems(
    path: Path, prefix: str, told: Any, keys: Mapping[str, Check], required: tuple[str, ...]
) -> list[Problem]:
    """Unknown keys, wrong values, missing keys, with their lines."""
    found = []
    for key, value in told.items():
        line = told.lc.key(key)[0] + 1
        if key not in keys:
            found.append(_unknown(path, line, f"{prefix}{key}", str(key), keys))
        elif not keys[key][1](value):
            found.append(_wrong(str(path), line, f"{prefix}{key}", value, keys[key][0]))
    found += [_wrong(str(path), 0, f"{prefix}{key}", None, keys[key][0]) for key in required if key not in told]
    return found


def _wrong(file: str, line: int, key: str, value: Any, wanted: str | None = None) -> Problem:
    found = "nothing" if value is None else repr(value)
    return Problem(file=file, line=line, key=key, found=found, wanted=wanted or KEYS[key][0])


def _unknown(path: Path, line: int, dotted: str, key: str, keys: Mapping[str, Check]) -> Problem:
    return Problem(
        file=str(path),
        line=line,
        key=dotted,
        found="an unknown key",
        wanted="one of " + ", ".join(keys),
        nearest=_nearest(key, list(keys)),
    )


def _nearest(name: str, known: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
