"""How devices behave on a line: they take their time, and while a fault is on they do worse.

This stands between the codec and the socket (or the serial line), so that the codec stays pure. Time is told by `look`,
dice are each device's own: the same seed, faults and requests give the same answers.

| fault | is the request carried out? | what comes back |
|---|---|---|
| late | yes | the answer, so many s of wall time later |
| silent | yes | nothing |
| cut | no | nothing: the connection is cut; a serial line carries nothing |
| reboot | no | nothing; connections are cut once, when it begins, and nothing is held from afar when it ends |
| exception | no | an exception of this code |
| half-answered | yes | a share of answers ends in mid-frame |
| garbled | yes | a share of answers has a wrong byte |

A wrong byte is anywhere in a serial frame: its CRC tells. On TCP it is in what frames the answer (header, function,
byte count), as careless gateways have it: a wrong value under TCP's checksum in a sound frame no client could tell.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from agent.config.lines import nearest
from agent.core.errors import ConfigError, Problem
from simulator.faults import Fault, of_layer
from simulator.wires.modbus_pdu import Bank, answer


class Reply(NamedTuple):
    """What a device does with a request."""

    frame: bytes
    """Empty: it says nothing."""
    delay_s: float = 0.0
    is_cut: bool = False


class Manners:
    """Those of all devices on one site. Without faults and latency it costs next to nothing."""

    def __init__(
        self,
        devices: Mapping[str, int],
        *,
        faults: Iterable[Fault] = (),
        latency_ms: float = 0.0,
        jitter_ms: float = 0.0,
        seed: int = 0,
    ) -> None:
        """`devices`: name -> unit. Raises ConfigError for a fault of a device that is none of them."""
        self._faults = [(fault, _units(fault, devices)) for fault in of_layer(faults, "wire")]
        self._latency_s, self._jitter_s = latency_ms / 1000.0, jitter_ms / 1000.0
        self._seed = seed
        self._dice: dict[int, random.Random] = {}
        self._on: dict[int, list[Fault]] = {}
        self._units = {unit for unit in devices.values() if unit}
        self.is_plain = not self._latency_s and not self._jitter_s
        """Answers come at once and as they are."""

    def look(self, unix_s: float) -> None:
        """It is this instant now, simulated time."""
        self._on = {}
        for fault, units in self._faults:
            if fault.is_on(unix_s):
                for unit in units:
                    self._on.setdefault(unit, []).append(fault)
        self.is_plain = not self._on and not self._latency_s and not self._jitter_s

    def units(self, kind: str) -> frozenset[int]:
        """Units that this kind of fault is on at."""
        return frozenset(unit for unit, faults in self._on.items() if any(fault.kind == kind for fault in faults))

    @property
    def all_cut(self) -> bool:
        """Nobody is let in at all."""
        return bool(self._units) and self._units <= self.units("cut")

    def struck(self, unit: int) -> dict[str, Fault]:
        """Kind -> fault that strikes this unit's next answer; one that strikes a share of them does so by the dice."""
        return {fault.kind: fault for fault in self._on.get(unit, ()) if self._strikes(fault, unit)}

    def answer(
        self, bank: Bank, unit: int, request: bytes, frame: Callable[[bytes], bytes], head: int | None = None
    ) -> Reply:
        """The reply to a request PDU; `frame` wraps an answer for the line, whose first `head` bytes can be garbled."""
        if self.is_plain:
            return Reply(frame(answer(bank, unit, request)))
        on = self.struck(unit)
        delay_s = self._delay_s(unit) + (on["late"].size if "late" in on else 0.0)
        if "cut" in on or "reboot" in on:
            return Reply(b"", 0.0, is_cut="cut" in on)
        if "exception" in on:
            return Reply(frame(bytes([request[0] | 0x80, int(on["exception"].size)])), delay_s)
        told = frame(answer(bank, unit, request))
        if "silent" in on:
            return Reply(b"")
        if "half-answered" in on:
            told = told[: self._dice_of(unit).randrange(1, len(told))]
        elif "garbled" in on:
            told = garble(told, head, self._dice_of(unit))
        return Reply(told, delay_s)

    def _delay_s(self, unit: int) -> float:
        return self._latency_s + (self._jitter_s * self._dice_of(unit).random() if self._jitter_s else 0.0)

    def _strikes(self, fault: Fault, unit: int) -> bool:
        is_share = fault.kind in ("garbled", "half-answered")
        return not is_share or self._dice_of(unit).random() < fault.size

    def _dice_of(self, unit: int) -> random.Random:
        if unit not in self._dice:
            self._dice[unit] = random.Random(f"{self._seed}/{unit}")
        return self._dice[unit]


PLAIN = Manners({})
"""Of devices that nothing happens to."""


def garble(frame: bytes, head: int | None, dice: random.Random) -> bytes:
    """One wrong byte among the first `head`, or anywhere."""
    place = dice.randrange(len(frame) if head is None else min(head, len(frame)))
    return frame[:place] + bytes([frame[place] ^ dice.randrange(1, 256)]) + frame[place + 1 :]


def _units(fault: Fault, devices: Mapping[str, int]) -> tuple[int, ...]:
    """All, where the fault names none."""
    for name in fault.where:
        if name not in devices:
            wanted, like = "one of " + ", ".join(devices), nearest(name, devices)
            found, key = f"the unknown device `{name}`", f"faults.{fault.kind}"
            raise ConfigError([Problem(file="scenario", line=0, key=key, found=found, wanted=wanted, nearest=like)])
    return tuple(devices[name] for name in fault.where or devices)
