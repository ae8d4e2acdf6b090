"""A product as its template tells it: where its values lie, what can be written, and what a write means.

Read from the same files and by the same rules as the agent reads them, so that a template proves itself on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from agent.config.points import ModbusEntry
from agent.equipment.templates import template
from simulator.wires.word_codec import Array, Encoder, Field, Words, decode

BITS = ("coil", "discrete")
OWN, REMOTE = 0, 1
SERVED = {"zone": "example-zone-controller", "crac": "example-crac", "meter": "eastron-sdm630"}
"""Kind -> the product that a plant's equipment is served as, where nobody chooses another."""


class Target(NamedTuple):
    """Where one role is written."""

    table: str
    field: Field
    mode_register: int | None
    is_shared: bool
    """The value is read and written at the same place."""

    @property
    def registers(self) -> range:
        return range(self.field.register, self.field.register + self.field.width)

    def encode(self, value: float) -> list[int]:
        return [int(word) for word in _one(self.field).encode(np.array([value]))]

    def decode(self, words: list[int]) -> float:
        """Rounded to what no register tells apart, so that 217 x 0.1 is 21.7."""
        value = decode(words, self.field)
        return round(value, 9) if math.isfinite(value) else value


class Word(NamedTuple):
    """A register whose bits are points of their own."""

    register: int
    parts: tuple[tuple[int, int, int], ...]
    """Place in `roles`, lowest bit, how many bits."""

    def of(self, values: Array) -> Array:
        """Values [..., roles] to the whole register [...]; what is unknown counts as 0."""
        told = np.zeros(values.shape[:-1])
        for place, bit, bits in self.parts:
            told += np.clip(np.rint(np.nan_to_num(values[..., place])), 0, 2**bits - 1) * 2**bit
        return told


@cache
def _one(field: Field) -> Encoder:
    return Encoder([field._replace(register=0)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One template, ready to serve any number of devices."""

    name: str
    kind: str
    roles: tuple[str, ...]
    """Of what can be read, in the order of the values that `images` takes."""
    tables: Mapping[str, tuple[tuple[int, ...], Encoder]]
    """Table -> places in `roles` of values with registers of their own, and the encoder of these and of `words`."""
    words: Mapping[str, tuple[Word, ...]]
    """Table -> registers of bits, in the encoder after the others."""
    targets: Mapping[str, Target]
    """Role -> where it is written."""

    def images(self, values: Array) -> dict[str, Words]:
        """Values float64 [..., roles] to uint16 [..., size] by table; bits for coils and discrete inputs."""
        told = {}
        for table, (places, encoder) in self.tables.items():
            words = [word.of(values)[..., None] for word in self.words[table]]
            told[table] = encoder.encode(np.concatenate((values[..., places], *words), axis=-1))
        return told


@cache
def product(name: str) -> Product:
    """Of a template with Modbus registers. Raises KeyError for an unknown one."""
    told = template(name)
    entries = {role: ModbusEntry.model_validate(row) for role, row in told["points"].items()}
    roles = tuple(entries)
    tables: dict[str, tuple[tuple[int, ...], Encoder]] = {}
    words: dict[str, tuple[Word, ...]] = {}
    for table in dict.fromkeys(entry.table for entry in entries.values()):
        there = [place for place, role in enumerate(roles) if entries[role].table == table]
        places = tuple(place for place in there if entries[roles[place]].bit is None)
        words[table] = _words([(place, entries[roles[place]]) for place in there])
        fields = [_field(entries[roles[place]]) for place in places]
        tables[table] = (places, Encoder([*fields, *(Field(word.register, "uint16") for word in words[table])]))
    targets = {role: target for role, entry in entries.items() if (target := _target(entry)) is not None}
    return Product(name=name, kind=told["kind"], roles=roles, tables=tables, words=words, targets=targets)


def _words(entries: list[tuple[int, ModbusEntry]]) -> tuple[Word, ...]:
    parts: dict[int, list[tuple[int, int, int]]] = {}
    for place, entry in entries:
        if entry.bit is not None:
            parts.setdefault(entry.register_, []).append((place, entry.bit, entry.bits))
    return tuple(Word(register, tuple(told)) for register, told in parts.items())


def product_of(kind: str) -> str | None:
    """The product by which a plant's equipment of this kind is served; None where there is none."""
    return SERVED.get(kind)


def _field(entry: ModbusEntry) -> Field:
    return Field(
        register=entry.register_,
        type="bool" if entry.table in BITS else entry.type,
        scale=entry.scale,
        offset=entry.offset,
        absent=tuple(entry.absent),
        byte_order=entry.byte_order,
        word_order=entry.word_order,
    )


def _target(entry: ModbusEntry) -> Target | None:
    """A write takes from its point what it does not tell itself, as in the agent's config."""
    told = entry.write
    if told is None:
        return None
    table = "coil" if (told.table or entry.table) == "coil" else "holding"
    field = _field(entry)._replace(
        register=told.register_,
        type="bool" if table == "coil" else told.type or entry.type,
        scale=1.0 if table == "coil" else entry.scale if told.scale is None else told.scale,
        absent=(),
    )
    is_shared = (table, told.register_) == (entry.table, entry.register_)
    return Target(table=table, field=field, mode_register=told.mode_register, is_shared=is_shared)
