"""From a file to a `SiteConfig`, or to every mistake in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from agent.config import devices, sections
from agent.config.cross import findings
from agent.config.lines import Sheet, nearest, read_sheet
from agent.config.model import SiteConfig
from agent.core.errors import ConfigError, Problem
from agent.equipment.templates import template, template_names

SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): SiteConfig,
    ("site",): sections.Site,
    ("clock", "system"): sections.SystemTime,
    ("clock", "scaled"): sections.ScaledTime,
    ("clock", "lockstep"): sections.LockstepTime,
    ("store",): sections.StoreSection,
    ("brokers", "*"): sections.Broker,
    ("devices", "*", "modbus"): devices.ModbusDevice,
    ("devices", "*", "modbus", "points", "*"): devices.ModbusEntry,
    ("devices", "*", "modbus", "points", "*", "write"): devices.WriteEntry,
    ("devices", "*", "mqtt"): devices.MqttDevice,
    ("devices", "*", "mqtt", "points", "*"): devices.MqttEntry,
    ("devices", "*", "mqtt", "points", "*", "set"): devices.SetEntry,
    ("devices", "*", "memory"): devices.MemoryDevice,
    ("devices", "*", "memory", "points", "*"): devices.MemoryEntry,
    ("equipment", "*"): sections.Equipment,
    ("schedule",): sections.Schedule,
    ("limits", "*"): sections.LimitEntry,
    ("limits", "*", "interlocks", "*"): sections.InterlockEntry,
    ("control",): sections.Control,
    ("upstream",): sections.Upstream,
}
"""Which keys are known where; `*` stands for any name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `hushwatt check` found."""

    problems: list[Problem]
    notes: list[str]
    """Not wrong, but worth a look."""


def load(path: Path) -> SiteConfig:
    """The site's config with absolute paths. Raises ConfigError with all mistakes."""
    sheet = read_sheet(path)
    problems = list(_secrets(sheet, sheet.tree, ()))
    raw = _plain(sheet.tree)
    problems += _expand(sheet, raw)
    if problems:
        raise ConfigError(problems)
    try:
        config = SiteConfig.model_validate(raw)
    except ValidationError as fault:
        raise ConfigError([_told(sheet, dict(error)) for error in fault.errors()]) from None
    problems = [sheet.problem(*finding) for finding in findings(config)]
    if problems:
        raise ConfigError(problems)
    return _absolute(config, path.absolute().parent)


def check(path: Path) -> Report:
    """Everything that is wrong or odd; never raises."""
    try:
        config = load(path)
    except ConfigError as fault:
        return Report(problems=fault.problems, notes=[])
    return Report(problems=[], notes=list(_notes(config)))


def _notes(config: SiteConfig) -> Iterator[str]:
    for spec in config.points():
        if spec.writable and spec.id not in config.limits:
            yield f"{spec.id} can be written but has no limit: it never will be"
    for name, broker in config.brokers.items():
        if broker.password_file is not None:
            yield from _password_notes(name, broker.password_file)
    if config.control.mode == "shadow":
        yield "control.mode is shadow: the agent plans and tells, and writes nothing"
    if config.upstream is None or config.upstream.share == "none":
        yield "nothing leaves this site: upstream.share is none"


def _password_notes(name: str, path: Path) -> Iterator[str]:
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        yield f"brokers.{name}.password_file {path}: {(fault.strerror or '').lower()}"
        return
    if mode & 0o077:
        yield f"brokers.{name}.password_file {path} can be read by others: chmod 600 it"


def _plain(told: Any) -> Any:
    """Without ruamel's types."""
    if isinstance(told, dict):
        return {str(key): _plain(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_plain(value) for value in told]
    return told


def _secrets(sheet: Sheet, told: Any, where: tuple[str | int, ...]) -> Iterator[Problem]:
    """A password in the file is refused before anything could show it."""
    if isinstance(told, dict):
        for key, value in told.items():
            if str(key).lower() in ("password", "passwd", "secret", "token"):
                yield sheet.problem((*where, key), "a secret in the file", "password_file or password_env")
            yield from _secrets(sheet, value, (*where, key))
    elif isinstance(told, list):
        for place, value in enumerate(told):
            yield from _secrets(sheet, value, (*where, place))


def _expand(sheet: Sheet, raw: dict[str, Any]) -> list[Problem]:
    """Put a template's rows under the device's equipment; rows that stand in the file outrank them."""
    problems = []
    told = raw.get("devices")
    for name, device in told.items() if isinstance(told, dict) else ():
        if not isinstance(device, dict) or not isinstance(device.get("template"), str):
            continue
        where = ("devices", name, "template")
        wanted = device["template"]
        if wanted not in template_names():
            known = template_names()
            found = f"`{wanted}`"
            problems.append(sheet.problem(where, found, f"a template: {', '.join(known)}", nearest(wanted, known)))
            continue
        product = template(wanted)
        if product["driver"] != device.get("driver"):
            found = f"a template for driver {product['driver']}"
            problems.append(sheet.problem(where, found, f"one for driver {device.get('driver')}"))
        elif not isinstance(device.get("equipment"), str):
            problems.append(sheet.problem(where, "no equipment beside it", "`equipment:` with the machine's id"))
        else:
            rows = {f"{device['equipment']}.{role}": row for role, row in product["points"].items()}
            device["points"] = {**rows, **(device.get("points") or {})}
    return problems


def _told(sheet: Sheet, error: dict[str, Any]) -> Problem:
    """One of pydantic's errors in plain words."""
    where, kind = tuple(error["loc"]), str(error["type"])
    if kind == "extra_forbidden":
        known = _known_keys(where[:-1])
        name = str(where[-1])
        return sheet.problem(where, f"the unknown key `{name}`", f"one of {', '.join(known)}", nearest(name, known))
    if kind == "missing":
        return sheet.problem(where, "nothing", f"`{where[-1]}:` with a value")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(sheet, where, error)
    found = _shown(error.get("input"))
    context = error.get("ctx") or {}
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        return sheet.problem(where, found, f"one of {expected}", nearest(found.strip("`"), expected.split(", ")))
    wanted = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    wanted = wanted.removeprefix("a valid ").replace("a valid ", "a ")
    guess = (
        nearest(found.strip("`"), wanted.removeprefix("one of ").split(", ")) if wanted.startswith("one of") else None
    )
    return sheet.problem(where, found, _WANTED.get(kind, wanted), guess)


_WANTED = {
    "float_parsing": "a number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a number that is neither infinite nor NaN",
    "string_type": "a text",
    "bool_parsing": "true or false",
    "dict_type": "a mapping of names to entries",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_pattern_mismatch": "a name of letters, digits, dots, dashes and underscores",
}


def _wrong_tag(sheet: Sheet, where: tuple[Any, ...], error: dict[str, Any]) -> Problem:
    """`driver:` of a device or `kind:` of the clock is missing or unknown."""
    context = error.get("ctx") or {}
    key = str(context.get("discriminator", "kind")).strip("'")
    known = ["modbus", "mqtt", "memory"] if key == "driver" else ["system", "scaled", "lockstep"]
    tag = context.get("tag")
    found = "nothing" if tag is None else f"`{tag}`"
    return sheet.problem((*where, key), found, f"one of {', '.join(known)}", nearest(str(tag), known))


def _known_keys(where: tuple[Any, ...]) -> list[str]:
    model = next((model for pattern, model in SECTIONS.items() if _matches(pattern, where)), None)
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
    return "nothing" if value is None else f"`{str(value)[:60]}`"


def _absolute(config: SiteConfig, folder: Path) -> SiteConfig:
    """Paths in the file are meant from the file's folder."""
    store = config.store.model_copy(update={"path": folder / config.store.path})
    brokers = {
        name: broker.model_copy(
            update={"password_file": folder / broker.password_file if broker.password_file else None}
        )
        for name, broker in config.brokers.items()
    }
    return config.model_copy(update={"store": store, "brokers": brokers})
