"""A fault as typed on the command line: `KIND:REGEX:FROM_H:TO_H[:SIZE]`, hours since the start."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from simulator.faults import KINDS, Fault, Kind, matching
from simulator.plant import Plant
from simulator.wires.devices import Served
from simulator.wires.registers import DEVICES

FORM = "KIND:REGEX:FROM_H:TO_H[:SIZE]"
EXAMPLE = "stuck:zone1.*temperature:24:30"
OLD_NAMES = {"nan": "absent", "modbus": "cut"}
"""Of the plant protocol; its `modbus` strikes every device, whatever the expression says."""
MOST_TOLD = 8

Known = Callable[[str], Sequence[str]]
"""Kind of fault -> the names it can strike."""


def known_of(plant: Plant, served: Sequence[Served] = ()) -> Known:
    """What can be struck at a plant on its wire, products with it; equipment whether it can suffer the kind or not."""
    struck: dict[str, Sequence[str]] = {
        "points": plant.names,
        "writable": tuple(plant.writable),
        "devices": (*DEVICES, *(device.equipment for device in served)),
        "equipment": tuple(plant.equipment),
        "nothing": (),
    }
    return lambda kind: struck[KINDS[kind].strikes]


def parse(text: str, known: Known, start_unix_s: float) -> Fault:
    """The fault, with names and instants resolved. Raises ConfigError."""
    name, _, rest = text.partition(":")
    kind = KINDS.get(OLD_NAMES.get(name, name))
    pattern, numbers = _split(rest)
    if kind is None or numbers is None or not numbers[0] < numbers[1]:
        like = None if kind else nearest(name, [*KINDS, *OLD_NAMES])
        raise _wrong(repr(text), f"{FORM} with KIND one of {', '.join(KINDS)}, such as {EXAMPLE}", like)
    from_h, to_h, *size = numbers
    return Fault(
        kind=OLD_NAMES.get(name, name),
        where=() if name == "modbus" else _where(text, OLD_NAMES.get(name, name), pattern, known),
        from_unix_s=start_unix_s + 3600.0 * from_h,
        to_unix_s=start_unix_s + 3600.0 * to_h,
        size=_size(text, name, kind, size),
    )


def _split(rest: str) -> tuple[str, list[float] | None]:
    """The expression, and two or three numbers; None where there are none. No point's id has a colon."""
    words = rest.split(":")
    for count in (3, 2):
        if len(words) > count:
            try:
                return ":".join(words[:-count]), [float(word) for word in words[-count:]]
            except ValueError:
                continue
    return rest, None


def _where(text: str, kind: str, pattern: str, known: Known) -> tuple[str, ...]:
    if KINDS[kind].strikes == "nothing":
        return ()
    names = known(kind)
    try:
        where = matching([pattern], names)
    except re.error:
        raise _wrong(repr(text), f"{FORM}; `{pattern}` is no regular expression") from None
    if not where:
        told = ", ".join(names[:MOST_TOLD]) + (" ..." if len(names) > MOST_TOLD else "")
        raise _wrong(f"`{pattern}`, which is none here", f"one of {told or 'none'}", nearest(pattern, names))
    if kind == "swapped" and len(where) != 2:
        raise _wrong(f"`{pattern}`, which is {len(where)} points", "two points that are swapped")
    return where


def _size(text: str, name: str, kind: Kind, told: Sequence[float]) -> float:
    if not told:
        return kind.default
    if not kind.size:
        raise _wrong(repr(text), f"no size: {name} has none")
    if not kind.low <= told[0] <= kind.high:
        raise _wrong(f"size {told[0]:g}", f"{kind.low:g} to {kind.high:g} ({kind.size})")
    return told[0]


def _wrong(found: str, wanted: str, like: str | None = None) -> ConfigError:
    problem = Problem(file="command line", line=0, key="--fault", found=found, wanted=wanted, nearest=like)
    return ConfigError([problem])
