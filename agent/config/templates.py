"""A template as a file that a person may write: what it must say, and each mistake with its file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from agent.config.base import Id, NotNegative, Section, Yes
from agent.config.lines import Finding, Sheet, plain, read_sheet, unknown
from agent.config.points import ModbusEntry, MqttEntry, SetEntry, WriteEntry
from agent.config.telling import tell
from agent.core.errors import ConfigError
from agent.equipment.kinds import KINDS
from agent.equipment.templates import FOLDER, template_names

ASKED = re.compile(r"\{(\w*)\}")
"""A place in a topic that each device fills by `with`."""
Text = Annotated[str, Field(strict=True, min_length=1)]


class Source(Section):
    """Where the figures come from."""

    title: Text
    where: Text


class Knobs(Section):
    """How the product likes to be asked; what a device says itself outranks it."""

    max_registers: Annotated[int, Field(strict=True, ge=1, le=125)] | None = None
    max_gap: Annotated[int, Field(strict=True, ge=0, le=120)] | None = None
    pause_s: NotNegative | None = None
    connect_pause_s: NotNegative | None = None
    one_by_one: Yes | None = None


class Product(Section):
    """One template."""

    name: Id
    vendor: Text
    model: Text
    kind: str
    example: Yes = False
    """No product has these registers: it shows how a machine is told."""
    source: Source
    asks: dict[Id, Text] = Field(default_factory=dict)
    """What stands in braces in the topics -> what that is."""
    device: Knobs = Knobs()


class ModbusProduct(Product):
    driver: Literal["modbus"]
    points: dict[str, ModbusEntry] = Field(min_length=1)


class MqttProduct(Product):
    driver: Literal["mqtt"]
    points: dict[str, MqttEntry] = Field(min_length=1)


AnyProduct = Annotated[ModbusProduct | MqttProduct, Field(discriminator="driver")]
_PRODUCT: TypeAdapter[ModbusProduct | MqttProduct] = TypeAdapter(AnyProduct)

SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    ("modbus",): ModbusProduct,
    ("mqtt",): MqttProduct,
    ("modbus", "source"): Source,
    ("mqtt", "source"): Source,
    ("modbus", "device"): Knobs,
    ("mqtt", "device"): Knobs,
    ("modbus", "points", "*"): ModbusEntry,
    ("modbus", "points", "*", "write"): WriteEntry,
    ("mqtt", "points", "*"): MqttEntry,
    ("mqtt", "points", "*", "set"): SetEntry,
}
"""Which keys are known where in a template."""


def is_own(name: str) -> bool:
    """A template of the site's own is named by its file, `my-crac.yaml`, and stands beside the site's config."""
    return name.endswith((".yaml", ".yml"))


def read_template(name: str, folder: Path) -> dict[str, Any]:
    """The file as plain entries. Raises ConfigError with every mistake; KeyError for a product that is not shipped."""
    return _read(folder / name) if is_own(name) else _shipped(name)


@cache
def _shipped(name: str) -> dict[str, Any]:
    if name not in template_names():
        raise KeyError(name)
    return _read(FOLDER / f"{name}.yaml")


def _read(path: Path) -> dict[str, Any]:
    sheet = read_sheet(path)
    raw: dict[str, Any] = plain(sheet.tree)
    problems = [sheet.problem(*finding) for finding in _findings(sheet, raw)]
    try:
        _PRODUCT.validate_python(raw)
    except ValidationError as fault:
        problems += [tell(sheet, dict(error), SECTIONS) for error in fault.errors()]
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    return raw


def _findings(sheet: Sheet, raw: dict[str, Any]) -> Iterator[Finding]:
    """What one key alone does not show."""
    name, kind, asks = raw.get("name"), raw.get("kind"), raw.get("asks") or {}
    if isinstance(name, str) and name != sheet.path.stem:
        yield ("name",), f"`{name}`", f"the file's own name, {sheet.path.stem}", None
    if not isinstance(kind, str):
        return
    if kind not in KINDS:
        yield unknown(("kind",), kind, list(KINDS), "a kind of equipment")
        return
    points = raw.get("points")
    roles = [role.name for role in KINDS[kind]]
    used: set[str] = set()
    for role, entry in points.items() if isinstance(points, dict) else ():
        if role not in roles:
            yield unknown(("points", role), role, roles, f"a role of kind {kind}")
        for where, topic in _topics(entry):
            for asked in ASKED.findall(topic):
                used.add(asked)
                if asked not in asks:
                    yield unknown(("points", role, *where), asked, list(asks), "a name that `asks` explains")
    for asked in asks if isinstance(asks, dict) else ():
        if asked not in used:
            yield ("asks", asked), "a name that no topic has", f"a topic with {{{asked}}} in it", None


def _topics(entry: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a row may have places to fill."""
    if not isinstance(entry, dict):
        return
    if isinstance(entry.get("topic"), str):
        yield ("topic",), entry["topic"]
    told = entry.get("set")
    if isinstance(told, dict) and isinstance(told.get("topic"), str):
        yield ("set", "topic"), told["topic"]


def knobs(raw: dict[str, Any]) -> dict[str, Any]:
    """What the template says of the device as a whole."""
    return dict(raw.get("device") or {})


def filled(raw: dict[str, Any], values: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Role -> row, with the device's values in the topics."""
    return {role: _filled(row, values) for role, row in raw["points"].items()}


def _filled(row: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    told = dict(row)
    if "topic" in told:
        told["topic"] = ASKED.sub(lambda place: values[place[1]], told["topic"])
    if "set" in told:
        told["set"] = _filled(told["set"], values)
    return told
