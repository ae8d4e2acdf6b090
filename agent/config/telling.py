"""From pydantic's errors to sentences for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from agent.config import (
    clock,
    control,
    data_use,
    devices,
    energy,
    equipment,
    forecasts,
    limits,
    points,
    sinks,
    site,
    tls,
    upstream,
)
from agent.config.lines import Sheet, nearest
from agent.config.model import SiteConfig
from agent.core.errors import Problem

SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): SiteConfig,
    ("site",): site.Site,
    ("clock", "system"): clock.SystemTime,
    ("clock", "scaled"): clock.ScaledTime,
    ("clock", "lockstep"): clock.LockstepTime,
    ("store",): site.StoreSection,
    ("brokers", "*"): upstream.Broker,
    ("brokers", "*", "tls"): tls.Tls,
    ("upstream", "sinks", "*", "nats", "tls"): tls.Tls,
    ("upstream", "sinks", "*", "postgres", "tls"): tls.Tls,
    ("devices", "*", "modbus"): devices.ModbusDevice,
    ("devices", "*", "modbus", "tls"): tls.Tls,
    ("devices", "*", "modbus", "identity", "*"): points.IdentityEntry,
    ("devices", "*", "modbus", "points", "*"): points.ModbusEntry,
    ("devices", "*", "modbus", "points", "*", "write"): points.WriteEntry,
    ("devices", "*", "mqtt"): devices.MqttDevice,
    ("devices", "*", "mqtt", "points", "*"): points.MqttEntry,
    ("devices", "*", "mqtt", "points", "*", "set"): points.SetEntry,
    ("devices", "*", "mqtt", "points", "*", "set", "confirm"): points.ConfirmEntry,
    ("devices", "*", "sparkplug"): devices.SparkplugDevice,
    ("devices", "*", "sparkplug", "points", "*"): points.SparkplugEntry,
    ("devices", "*", "memory"): devices.MemoryDevice,
    ("devices", "*", "memory", "points", "*"): points.MemoryEntry,
    ("equipment", "*"): equipment.Equipment,
    ("schedule",): equipment.Schedule,
    ("limits", "*"): limits.LimitEntry,
    ("limits", "*", "interlocks", "*"): limits.InterlockEntry,
    ("energy",): energy.Energy,
    ("energy", "bands", "*"): energy.PriceBand,
    ("forecasts", "*"): forecasts.ForecastEntry,
    ("control",): control.Control,
    ("control", "units", "*"): control.UnitsEntry,
    ("upstream",): upstream.Upstream,
    ("upstream", "sinks", "*", "mqtt"): sinks.MqttSink,
    ("upstream", "sinks", "*", "sparkplug"): sinks.SparkplugSink,
    ("upstream", "sinks", "*", "nats"): sinks.NatsSink,
    ("upstream", "sinks", "*", "http"): sinks.HttpSink,
    ("upstream", "sinks", "*", "postgres"): sinks.PostgresSink,
    ("upstream", "data_use", "*"): data_use.DataUse,
    ("upstream", "inbox"): upstream.Inbox,
}
"""Which keys are known where; `*` stands for any name."""

WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a number that is neither infinite nor NaN",
    "string_type": "a text",
    "path_type": "a path",
    "bool_type": "true or false",
    "dict_type": "a mapping of names to entries",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "too_short": "at least one entry",
    "string_too_short": "a text that says something",
    "string_pattern_mismatch": "a name of letters, digits, dashes and underscores",
    "datetime_type": "a time with its zone, such as 2026-07-01T00:00:00Z",
    "datetime_parsing": "a time with its zone, such as 2026-07-01T00:00:00Z",
    "datetime_from_date_parsing": "a time with its zone, such as 2026-07-01T00:00:00Z",
}
TAGS = {
    "devices": ("modbus", "mqtt", "sparkplug", "memory"),
    "template": ("modbus", "mqtt"),
    "clock": ("system", "scaled", "lockstep"),
    "upstream": ("mqtt", "sparkplug", "nats", "http", "postgres"),
}
"""What tells the sides of a union apart: of a device, a template, the clock, a sink."""
COMPARED = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}


Sections = Mapping[tuple[str, ...], type[BaseModel]]


def tell(sheet: Sheet, error: dict[str, Any], sections: Sections = SECTIONS) -> Problem:
    """One of pydantic's errors in plain words; `sections`: which keys are known where in this kind of file."""
    where, kind = tuple(error["loc"]), str(error["type"])
    if kind == "extra_forbidden":
        known, name = known_keys(where[:-1], sections), str(where[-1])
        return sheet.problem(where, f"the unknown key `{name}`", f"one of {', '.join(known)}", nearest(name, known))
    if kind == "missing":
        return sheet.problem(where, "nothing", f"`{where[-1]}:` with a value")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(sheet, where, error)
    context, found = error.get("ctx") or {}, _shown(error.get("input"))
    if kind in ("literal_error", "enum"):
        choices = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        return _choose(sheet, where, found, choices)
    if kind in COMPARED:
        return sheet.problem(where, found, COMPARED[kind].format(**context))
    wanted = WANTED.get(kind) or str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    if wanted.startswith("one of "):
        return _choose(sheet, where, found, wanted.removeprefix("one of "))
    return sheet.problem(where, found, wanted)


def _choose(sheet: Sheet, where: tuple[Any, ...], found: str, choices: str) -> Problem:
    known = choices.split(", ")
    wanted = known[0] if len(known) == 1 else f"one of {choices}"
    return sheet.problem(where, found, wanted, nearest(found.strip("`"), known))


def _wrong_tag(sheet: Sheet, where: tuple[Any, ...], error: dict[str, Any]) -> Problem:
    """`driver:` of a device, or `kind:` of the clock or of a sink, is missing or unknown."""
    context = error.get("ctx") or {}
    key = str(context.get("discriminator", "kind")).strip("'")
    if not isinstance(error.get("input"), dict):
        return sheet.problem(where, _shown(error.get("input")), f"a mapping with `{key}:`")
    tag = context.get("tag")
    found = "nothing" if tag is None else f"`{tag}`"
    tags = TAGS[str(where[0]) if where else "template"]
    return sheet.problem((*where, key), found, f"one of {', '.join(tags)}", nearest(str(tag), tags))


def known_keys(where: tuple[Any, ...], sections: Sections = SECTIONS) -> list[str]:
    """The keys that may stand at a place; none where names are free."""
    model = next((model for pattern, model in sections.items() if _matches(pattern, where)), None)
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _matches(pattern: tuple[str, ...], where: tuple[Any, ...]) -> bool:
    return len(pattern) == len(where) and all(p in ("*", w) for p, w in zip(pattern, where, strict=True))


def _shown(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"`{value}`"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and "@" in value:
        return "a text with an @, not shown here: it may hold a password"
    return "nothing" if value is None else f"`{str(value)[:60]}`"
