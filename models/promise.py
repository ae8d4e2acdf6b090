"""A model's promise and golden vectors: written once by its build, checked by its host and its tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]
VERSION = 1
OPSET = 21


@dataclass(frozen=True, slots=True)
class Row:
    """One input or output."""

    name: str
    unit: str
    low: float
    high: float
    meaning: str


def write_signature(
    folder: Path,
    name: str,
    shapes: Mapping[str, tuple[str | int, ...]],
    inputs: tuple[Row, ...],
    outputs: tuple[Row, ...],
) -> None:
    """signature.json: what the host holds the graph to."""
    if tuple(shapes) != tuple(row.name for row in inputs):
        raise ValueError(f"{name}: the rows of promise.py and the shapes of build.py differ")
    told = {
        "name": name,
        "version": VERSION,
        "opset": OPSET,
        "ir": 10,
        "inputs": [{**asdict(row), "shape": list(shapes[row.name]), "dtype": "float32"} for row in inputs],
        "outputs": [asdict(row) for row in outputs],
    }
    (folder / "signature.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def write_golden(folder: Path, inputs: Arrays, twin: Callable[[Arrays], Arrays]) -> None:
    """golden.json: one set of inputs, and what the numpy twin makes of it (float64, rounded to nine digits)."""
    told = {
        "inputs": {name: np.asarray(value, np.float64).tolist() for name, value in inputs.items()},
        "outputs": {name: np.round(np.asarray(value, np.float64), 9).tolist() for name, value in twin(inputs).items()},
    }
    (folder / "golden.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def read_golden(folder: Path) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, npt.NDArray[np.float64]]]:
    told = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    return (
        {name: np.array(value, np.float32) for name, value in told["inputs"].items()},
        {name: np.array(value, np.float64) for name, value in told["outputs"].items()},
    )
