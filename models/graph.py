"""Small words for writing graphs in spox: 0-d constants, sums over axes, new axes. Needs the `dev` extra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import spox.opset.ai.onnx.v21 as op
from spox import Tensor, Var, argument, build

IR_VERSION = 10
Shapes = Mapping[str, tuple[str | int, ...]]


def f(value: float) -> Var:
    """A 0-d float32 constant."""
    return op.const(np.array(value, np.float32))


def axes(*numbers: int) -> Var:
    return op.const(np.array(numbers, np.int64))


def expand(x: Var, *numbers: int) -> Var:
    """New axes of length one at these places of the result."""
    return op.unsqueeze(x, axes(*numbers))


def total(x: Var, *numbers: int) -> Var:
    return op.reduce_sum(x, axes(*numbers), keepdims=0)


def clip(x: Var, low: Var, high: Var) -> Var:
    """low..high, low has the last word."""
    return op.max([op.min([x, high]), low])


def square(x: Var) -> Var:
    return op.mul(x, x)


def steps_of(x: Var) -> Var:
    """0, 1, 2, ... as float32, as many as `x` [n] is long."""
    n = op.squeeze(op.shape(x))
    whole = op.range(op.const(np.array(0, np.int64)), n, op.const(np.array(1, np.int64)))
    return op.cast(whole, to=np.float32)


def model(name: str, shapes: Shapes, graph: Callable[[dict[str, Var]], dict[str, Var]]) -> onnx.ModelProto:
    """The checked graph of float32 inputs, opset 21, IR 10."""
    inputs = {key: argument(Tensor(np.float32, shape)) for key, shape in shapes.items()}
    proto = build(inputs, graph(inputs))
    proto.ir_version = IR_VERSION
    proto.graph.name = name
    onnx.checker.check_model(proto, full_check=True)
    return proto


def write(proto: onnx.ModelProto, path: Path) -> bytes:
    """The same graph gives the same bytes."""
    data = proto.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return data
