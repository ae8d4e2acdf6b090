"""Reads the numbers in an ONNX file without onnx: only to see that each of them is one.

A walk over protobuf's wire format (https://protobuf.dev/programming-guides/encoding/); field numbers from onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agent.core.errors import ModelError

GRAPH, NODE, INITIALIZER, ATTRIBUTE, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 7, 1, 5, 5, 5, 6
DATA_TYPE, FLOAT_DATA, NAME, RAW_DATA, DOUBLE_DATA = 2, 4, 8, 9, 10
TYPES = {1: np.float32, 10: np.float16, 11: np.float64}
"""TensorProto.DataType of floating point; others cannot be NaN."""


def check_weights(path: Path) -> None:
    """Raises ModelError for a file that is no graph, and for a weight that is not finite."""
    try:
        model = dict(_fields(path.read_bytes()))
        graph = model.get(GRAPH)
        if not isinstance(graph, bytes):
            raise ModelError(f"{path}: there is no graph in it")
        for tensor in _tensors(graph):
            _check(path, tensor)
    except (OSError, ValueError, IndexError) as fault:
        raise ModelError(f"{path}: cannot be read as an ONNX model: {fault}") from fault


def _tensors(graph: bytes) -> Iterator[bytes]:
    """Initializers and constants, subgraphs' included."""
    for number, value in _fields(graph):
        if number == INITIALIZER and isinstance(value, bytes):
            yield value
        elif number == NODE and isinstance(value, bytes):
            for field, attribute in _fields(value):
                if field == ATTRIBUTE and isinstance(attribute, bytes):
                    yield from _of_attribute(attribute)


def _of_attribute(attribute: bytes) -> Iterator[bytes]:
    for number, value in _fields(attribute):
        if number == ATTRIBUTE_TENSOR and isinstance(value, bytes):
            yield value
        elif number == ATTRIBUTE_GRAPH and isinstance(value, bytes):
            yield from _tensors(value)


def _check(path: Path, tensor: bytes) -> None:
    told = list(_fields(tensor))
    kind = next((value for number, value in told if number == DATA_TYPE), 0)
    if kind not in TYPES:
        return
    name = next((bytes(value).decode() for number, value in told if number == NAME and isinstance(value, bytes)), "")
    for number, value in told:
        dtype = {RAW_DATA: TYPES[int(kind)], FLOAT_DATA: np.float32, DOUBLE_DATA: np.float64}.get(number)
        if dtype is not None and isinstance(value, bytes) and not np.isfinite(np.frombuffer(value, dtype)).all():
            raise ModelError(
                f"{path}: the weight `{name or 'without a name'}` holds a number that is none (NaN or inf)"
            )


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of one message; raises IndexError or ValueError where it is none."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(wire)
        if length is None:
            if wire != 2:
                raise ValueError(f"wire type {wire}")
            length, place = _varint(data, place)
        if place + length > len(data):
            raise ValueError("cut off")
        yield number, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number without an end")
