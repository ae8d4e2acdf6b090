"""Runs a model folder: loads, checks the promise, and lets no number through that is not one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import ModelError

Floats = npt.NDArray[np.float32]


class ModelHost:
    """One model in one thread. onnxruntime is imported here and only now: it weighs 47 MB."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelError when the folder breaks its promise."""
        import onnxruntime as ort

        self.folder = folder
        self.promise = _read_promise(folder / "signature.json")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 4
        path = folder / "model.onnx"
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (RuntimeError, ValueError, OSError) as fault:
            raise ModelError(f"{path}: onnxruntime cannot load it: {fault}") from fault
        except Exception as fault:
            # onnxruntime's own errors share no base but Exception; anything else is a bug of ours and goes on.
            if not type(fault).__module__.startswith("onnxruntime"):
                raise
            raise ModelError(f"{path}: onnxruntime cannot load it: {fault}") from fault
        self._check(path)

    def _check(self, path: Path) -> None:
        for kind, told, found in (
            ("inputs", self.promise["inputs"], self._session.get_inputs()),
            ("outputs", self.promise["outputs"], self._session.get_outputs()),
        ):
            wanted, there = [entry["name"] for entry in told], [entry.name for entry in found]
            if wanted != there:
                raise ModelError(f"{path}: {kind} are {there}, signature.json promises {wanted}")

    def run(self, inputs: Mapping[str, Floats]) -> dict[str, npt.NDArray[Any]]:
        """All outputs by name. Raises ModelError for wrong shapes and for anything that is not finite, in or out."""
        feed = {entry["name"]: _checked(self.folder, entry, inputs) for entry in self.promise["inputs"]}
        _same_lengths(self.folder, self.promise["inputs"], feed)
        names = [entry["name"] for entry in self.promise["outputs"]]
        results = dict(zip(names, self._session.run(names, feed), strict=True))
        for name, value in results.items():
            if not np.isfinite(value).all():
                raise ModelError(f"{self.folder.name}: output {name} is not finite")
        return results


def _read_promise(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ModelError(f"{path}: cannot be read: {fault}") from fault
    if not isinstance(told, dict) or not {"inputs", "outputs"} <= told.keys():
        raise ModelError(f"{path}: wanted `inputs` and `outputs`")
    return told


def _checked(folder: Path, entry: Mapping[str, Any], inputs: Mapping[str, Floats]) -> Floats:
    name = entry["name"]
    if name not in inputs:
        raise ModelError(f"{folder.name}: input {name} is missing")
    value = np.asarray(inputs[name], np.float32)
    if value.ndim != len(entry["shape"]):
        raise ModelError(f"{folder.name}: input {name} has shape {list(value.shape)}, wanted {entry['shape']}")
    if not np.isfinite(value).all():
        raise ModelError(f"{folder.name}: input {name} is not finite")
    low, high = entry["low"], entry["high"]
    if value.size and (value.min() < low or value.max() > high):
        raise ModelError(f"{folder.name}: input {name} spans {value.min()}..{value.max()}, wanted {low}..{high}")
    return value


def _same_lengths(folder: Path, entries: list[dict[str, Any]], feed: Mapping[str, Floats]) -> None:
    """Axes of one name have one length."""
    lengths: dict[str, int] = {}
    for entry in entries:
        for axis, length in zip(entry["shape"], feed[entry["name"]].shape, strict=True):
            wanted = axis if isinstance(axis, int) else lengths.setdefault(axis, length)
            if wanted != length:
                raise ModelError(f"{folder.name}: input {entry['name']}: axis {axis} is {length} long, wanted {wanted}")
