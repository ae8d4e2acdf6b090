"""Runs a model folder: loads, checks the promise, and lets no number through that is not one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import ModelError
from agent.optimize.signature import read_promise

Floats = npt.NDArray[np.float32]
Outputs = dict[str, npt.NDArray[Any]]
Twin = Callable[[Mapping[str, Floats]], Mapping[str, npt.NDArray[np.float64]]]


class ModelHost:
    """One model in one thread. onnxruntime is imported here and only now: it weighs 47 MB."""

    def __init__(self, folder: Path, *, twin: Twin | None = None) -> None:
        """`twin`: plan with it, and leave onnxruntime alone. Raises ModelError when the folder breaks its promise,
        ImportError where onnxruntime is missing.
        """
        self.folder = folder
        self.promise = read_promise(folder)
        self.last: Outputs | None = None
        """The outputs of the last run, for whoever tells the plan; taken away by them."""
        names = [entry["name"] for entry in self.promise["outputs"]]
        if twin is not None:
            self._compute: Callable[[Mapping[str, Floats]], Outputs] = lambda feed: {
                name: np.asarray(value, np.float32) for name, value in twin(feed).items()
            }
            return
        session = _session(folder / "model.onnx")
        _check(folder / "model.onnx", self.promise, session)
        self._compute = lambda feed: dict(zip(names, _run(folder, session, names, feed), strict=True))

    def run(self, inputs: Mapping[str, Floats]) -> Outputs:
        """All outputs by name. Raises ModelError for wrong shapes and for anything that is not finite, in or out."""
        self.last = None
        feed = {entry["name"]: _checked(self.folder, entry, inputs) for entry in self.promise["inputs"]}
        _same_lengths(self.folder, self.promise["inputs"], feed)
        results = self._compute(feed)
        for name, value in results.items():
            if not np.isfinite(value).all():
                raise ModelError(f"{self.folder.name}: output {name} is not finite")
        self.last = results
        return results

    def take(self) -> Outputs | None:
        """The last run's outputs, once."""
        last, self.last = self.last, None
        return last


def twin_of(name: str) -> Twin:
    """The numpy twin of one of our graphs."""
    twin: Twin = importlib.import_module(f"models.{name}.twin").plan
    return twin


def _is_theirs(fault: Exception) -> bool:
    """onnxruntime's own errors share no base but Exception; anything else is a bug of ours and goes on."""
    return type(fault).__module__.startswith("onnxruntime") or isinstance(fault, RuntimeError | ValueError | OSError)


def _session(path: Path) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as fault:
        if not _is_theirs(fault):
            raise
        raise ModelError(f"{path}: onnxruntime cannot load it: {fault}") from fault


def _run(folder: Path, session: Any, names: list[str], feed: Mapping[str, Floats]) -> list[npt.NDArray[Any]]:
    try:
        results: list[npt.NDArray[Any]] = session.run(names, dict(feed))
        return results
    except Exception as fault:
        if not _is_theirs(fault):
            raise
        raise ModelError(f"{folder.name}: onnxruntime cannot run it: {fault}") from fault


def _check(path: Path, promise: Mapping[str, Any], session: Any) -> None:
    for kind, told, found in (
        ("inputs", promise["inputs"], session.get_inputs()),
        ("outputs", promise["outputs"], session.get_outputs()),
    ):
        wanted, there = [entry["name"] for entry in told], [entry.name for entry in found]
        if wanted != there:
            raise ModelError(f"{path}: {kind} are {there}, signature.json promises {wanted}")


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
