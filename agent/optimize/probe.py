"""Tries model folders in a process of its own: what crashes, hangs or dawdles there does not take the agent along.

`python -m agent.optimize.probe FOLDER ...` is that process; it prints a line of JSON a folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from agent.core.clock import wall_s
from agent.core.errors import ModelError

MOST_S = 60.0
"""For all folders together, on a small gateway."""
SLOW_MS = 1000.0
"""A plan that takes longer is refused: cycles and hand-back wait for it (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What became of a folder's trial run."""

    folder: str
    fault: str | None = None
    """A sentence; None when it ran."""
    ms: float = 0.0


def probe(folders: Sequence[tuple[Path, Path]]) -> dict[Path, Probe]:
    """By folder; the second of each pair has the golden inputs that it is tried on. Never raises."""
    stamped = tuple((folder, golden, _stamp(folder)) for folder, golden in folders)
    return {folder: _probe(folder, golden, stamp) for folder, golden, stamp in stamped}


def _stamp(folder: Path) -> tuple[float, ...]:
    """What changes when the folder's files do."""
    paths = [folder / name for name in ("model.onnx", "signature.json")]
    return tuple(path.stat().st_mtime if path.exists() else 0.0 for path in paths)


@cache
def _probe(folder: Path, golden: Path, stamp: tuple[float, ...]) -> Probe:
    """One process a folder: a crash must tell which one it was."""
    order = [sys.executable, "-m", "agent.optimize.probe", str(folder), str(golden)]
    try:
        done = subprocess.run(order, capture_output=True, text=True, timeout=MOST_S, check=False)
    except subprocess.TimeoutExpired:
        return Probe(folder=str(folder), fault=f"{folder}: a trial run took more than {MOST_S:g} s")
    except OSError as fault:
        return Probe(folder=str(folder), fault=f"{folder}: no trial run could be started: {fault}")
    try:
        return Probe(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Probe(folder=str(folder), fault=f"{folder}: the trial run ended with {done.returncode}: {last[:200]}")


def _try(folder: Path, golden: Path) -> Probe:
    from agent.optimize.host import ModelHost
    from agent.optimize.weights import check_weights

    try:
        check_weights(folder / "model.onnx")
        told = json.loads((golden / "golden.json").read_text("utf-8"))["inputs"]
        inputs = {name: np.array(value, np.float32) for name, value in told.items()}
        host = ModelHost(folder)
        host.run(inputs)
        began_s = wall_s()
        host.run(inputs)
        ms = 1000.0 * (wall_s() - began_s)
    except (ModelError, ImportError, OSError, ValueError) as fault:
        return Probe(folder=str(folder), fault=str(fault))
    if ms > SLOW_MS:
        return Probe(
            folder=str(folder), fault=f"{folder}: a plan takes {ms:.0f} ms, at most {SLOW_MS:g} will do", ms=ms
        )
    return Probe(folder=str(folder), ms=ms)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_try(Path(sys.argv[1]), Path(sys.argv[2])))) + "\n")
