"""What may be said to the inbox, read strictly: a message that is wrong is answered with place, found and wanted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from agent.core.clock import Instant
from agent.core.errors import Problem
from agent.core.points import PointTable

LARGEST_BYTES = 6_000_000
LARGEST_OFFER_BYTES = 4_000_000
ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
LONGEST_S = {"setpoint": 86_400.0, "config": 30 * 86_400.0, "model": 30 * 86_400.0}
"""How far ahead each kind of message may expire (our assumption): a wish for longer is a standing order, not a wish."""
KEYS = {
    "setpoint": ("id", "kind", "expires_unix_s", "point", "value", "reason"),
    "config": ("id", "kind", "expires_unix_s", "name", "sha256", "body", "reason"),
    "model": ("id", "kind", "expires_unix_s", "name", "sha256", "body", "reason"),
}
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A set-point that upstream would like."""

    id: str
    expires_unix_s: float
    point: str
    value: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A config or a model that a person may take."""

    id: str
    expires_unix_s: float
    kind: str
    name: str
    body: bytes
    reason: str


class WrongMessage(Exception):  # noqa: N818 - answered, never fatal
    """Every mistake that was found in it."""

    def __init__(self, id_: str | None, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.id = id_
        self.problems = problems


class _Sheet:
    """Collects mistakes."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told
        self.problems: list[Problem] = []

    def wrong(self, key: str, found: str, wanted: str, nearest: str | None = None) -> None:
        self.problems.append(Problem(file="the message", line=0, key=key, found=found, wanted=wanted, nearest=nearest))

    def text(self, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        value = self.told.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.wrong(key, _shown(value), wanted)
            return ""
        return value

    def number(self, key: str, wanted: str) -> float:
        value = self.told.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.wrong(key, _shown(value), wanted)
            return math.nan
        return float(value)


def read(payload: bytes, table: PointTable, now: Instant) -> Wish | Offer:
    """Raises WrongMessage."""
    told = _mapping(payload)
    sheet = _Sheet(told)
    id_ = sheet.text("id", ID, "8 to 64 letters, digits, dashes and underscores, never used before")
    kind = told.get("kind")
    if not isinstance(kind, str) or kind not in KEYS:
        sheet.wrong("kind", _shown(kind), f"one of {', '.join(KEYS)}", _nearest(kind, KEYS))
        raise WrongMessage(id_ or None, sheet.problems)
    for key in told.keys() - set(KEYS[kind]):
        known = f"one of {', '.join(KEYS[kind])}"
        sheet.wrong(str(key)[:60], "a key that nobody knows", known, _nearest(key, KEYS[kind]))
    expires_unix_s = _expiry(sheet, kind, now)
    reason = sheet.text(
        "reason", re.compile(rf"(?s).{{1,{REASON_LENGTH}}}"), f"why, in 1 to {REASON_LENGTH} characters"
    )
    common = {"id": id_, "expires_unix_s": expires_unix_s, "reason": reason}
    message = _wish(sheet, common, table) if kind == "setpoint" else _offer(sheet, common, kind)
    if sheet.problems:
        raise WrongMessage(id_ or None, sheet.problems)
    return message


def _mapping(payload: bytes) -> Mapping[str, Any]:
    wanted = f"a JSON mapping of at most {LARGEST_BYTES} bytes"
    try:
        told = json.loads(payload) if len(payload) <= LARGEST_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        found = f"{len(payload)} bytes that are none"
        raise WrongMessage(None, [Problem(file="the message", line=0, key="all of it", found=found, wanted=wanted)])
    return told


def _expiry(sheet: _Sheet, kind: str, now: Instant) -> float:
    longest_s = LONGEST_S[kind]
    wanted = f"unix seconds, more than {now.unix_s:.0f} (now) and at most {now.unix_s + longest_s:.0f}"
    if not now.is_set:
        sheet.wrong("expires_unix_s", "a gateway whose clock is not set yet", "another try when it is")
        return math.nan
    expires_unix_s = sheet.number("expires_unix_s", wanted)
    if math.isfinite(expires_unix_s) and not now.unix_s < expires_unix_s <= now.unix_s + longest_s:
        found = "expired" if expires_unix_s <= now.unix_s else "too far ahead"
        sheet.wrong("expires_unix_s", f"{expires_unix_s:.0f}, which is {found}", wanted)
    return expires_unix_s


def _wish(sheet: _Sheet, common: dict[str, Any], table: PointTable) -> Wish:
    point = sheet.told.get("point")
    spec = table.get(point) if isinstance(point, str) else None
    writable = [spec.id for spec in table if spec.writable]
    if spec is None or not spec.writable:
        sheet.wrong("point", _shown(point), "a writable point of this site", _nearest(point, writable))
    unit = "" if spec is None else f" in {spec.unit}"
    return Wish(**common, point=str(point), value=sheet.number("value", f"a finite number{unit}"))


def _offer(sheet: _Sheet, common: dict[str, Any], kind: str) -> Offer:
    name = sheet.text("name", FILE_NAME, "a file name of letters, digits, dots, dashes and underscores")
    digest = sheet.text("sha256", re.compile(r"[0-9a-f]{64}"), "64 hex digits")
    body = b""
    told = sheet.told.get("body")
    try:
        body = base64.b64decode(told, validate=True) if isinstance(told, str) else b""
    except (binascii.Error, ValueError):
        body = b""
    if not 0 < len(body) <= LARGEST_OFFER_BYTES:
        sheet.wrong("body", "no such thing", f"1 to {LARGEST_OFFER_BYTES} bytes in base64")
    elif digest and hashlib.sha256(body).hexdigest() != digest:
        sheet.wrong("sha256", "not that of the body", hashlib.sha256(body).hexdigest())
    return Offer(**common, kind=kind, name=name, body=body)


def _nearest(told: object, known: Any) -> str | None:
    return next(iter(get_close_matches(str(told), list(known), 1)), None)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"`{str(value)[:60]}`"
