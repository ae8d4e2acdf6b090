"""A model folder's promise, read; a site's own is held against ours: inputs by role, units, ranges, horizon."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.core.errors import ModelError

ENTRY_KEYS = ("name", "unit", "low", "high")
NAME = "signature.json"


def read_promise(folder: Path) -> dict[str, Any]:
    """Raises ModelError."""
    path = folder / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ModelError(f"{path}: cannot be read: {fault}") from fault
    if not isinstance(told, dict) or not {"inputs", "outputs"} <= told.keys():
        raise ModelError(f"{path}: wanted `inputs` and `outputs`")
    for kind in ("inputs", "outputs"):
        keys = (*ENTRY_KEYS, "shape") if kind == "inputs" else ENTRY_KEYS
        for entry in told[kind] if isinstance(told[kind], list) else [None]:
            _check_entry(path, kind, keys, entry)
    return told


def _check_entry(path: Path, kind: str, keys: tuple[str, ...], entry: Any) -> None:
    if not isinstance(entry, dict):
        raise ModelError(f"{path}: {kind}: wanted a list of entries with {', '.join(keys)}")
    missing = [key for key in keys if key not in entry]
    if missing:
        raise ModelError(f"{path}: {kind} {entry.get('name', 'without a name')}: {', '.join(missing)} is missing")
    low, high = entry["low"], entry["high"]
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in (low, high)) or low > high:
        raise ModelError(f"{path}: {entry['name']}: its range is {low}..{high}, wanted low..high in numbers")


def check_against(folder: Path, own: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """A site's own model may read fewer inputs and believe narrower ranges; units, shapes and outputs are ours.

    Raises ModelError with what was found and what was wanted.
    """
    known = {entry["name"]: entry for entry in ours["inputs"]}
    for entry in own["inputs"]:
        name = entry["name"]
        if name not in known:
            raise ModelError(f"{folder}: input {name} is none that we feed; known are {', '.join(known)}")
        _same_unit(folder, entry, known[name])
        if len(entry["shape"]) != len(known[name]["shape"]):
            raise ModelError(f"{folder}: input {name} has shape {entry['shape']}, wanted {known[name]['shape']}")
    promised = {entry["name"]: entry for entry in own["outputs"]}
    for entry in ours["outputs"]:
        if entry["name"] not in promised:
            raise ModelError(f"{folder}: output {entry['name']} in {entry['unit']} is missing")
        _same_unit(folder, promised[entry["name"]], entry)


def _same_unit(folder: Path, own: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    if own["unit"] != ours["unit"]:
        raise ModelError(f"{folder}: {own['name']} is in {own['unit']}, wanted {ours['unit']}")
