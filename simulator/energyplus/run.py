"""One run of EnergyPlus in a process of its own, step by step from here: it can run only once a process."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.energyplus.api import EnergyPlusFault, load
from simulator.energyplus.epjson import Model

SILENT_S = 300.0
"""A step takes milliseconds, sizing and warm-up some seconds; after so long we give up."""
END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What to ask of a run, and what to hold in it."""

    means: tuple[tuple[str, str], ...] = ()
    """Output variable and key; the mean over the system time steps of each zone time step."""
    states: tuple[tuple[str, str], ...] = ()
    """The same, as they are at the end of each zone time step."""
    actuators: tuple[tuple[str, str, str], ...] = ()
    """Component class, control and name."""


class Run:
    """Use as a context manager, or `close` it."""

    def __init__(self, model: Model, weather: Path, watch: Watch) -> None:
        """Raises EnergyPlusFault where EnergyPlus is absent or does not load."""
        load()
        self.watch = watch
        self._size = 8 * (1 + len(watch.means) + len(watch.states))
        self._home = tempfile.TemporaryDirectory(prefix="hushwatt-energyplus-")
        folder = Path(self._home.name)
        self._log = folder / "child.log"
        self._free = np.full(len(watch.actuators), np.nan)
        model.write(folder / "in.epJSON")
        order: dict[str, Any] = {"model": str(folder / "in.epJSON"), "weather": str(weather), "folder": str(folder)}
        order |= {"means": watch.means, "states": watch.states, "actuators": watch.actuators}
        (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        self._start(folder)

    def _start(self, folder: Path) -> None:
        to_child, self._tell = os.pipe()
        self._hear, from_child = os.pipe()
        command = [sys.executable, "-m", "simulator.energyplus.child", str(folder / "order.json")]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                [*command, str(to_child), str(from_child)],
                pass_fds=(to_child, from_child),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )
        os.close(to_child)
        os.close(from_child)
        self._ending = weakref.finalize(self, _end, self._child, (self._tell, self._hear), self._home)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    def step(self, actuators: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Turn one zone time step with these held, NaN where the building controls itself; means, then states.

        Raises EnergyPlusFault when the run ended or EnergyPlus gave up.
        """
        if not self._ending.alive:
            raise self._fault()
        held = self._free if actuators is None else actuators
        try:
            os.write(self._tell, np.concatenate(([0.0], held)).astype("<f8").tobytes())
        except BrokenPipeError as fault:
            raise self._fault() from fault
        return np.frombuffer(self._read(), "<f8")[1:]

    def _read(self) -> bytes:
        frame = b""
        while len(frame) < self._size:
            ready, _, _ = select.select([self._hear], [], [], SILENT_S)
            more = os.read(self._hear, self._size - len(frame)) if ready else b""
            if not more:
                raise self._fault()
            frame += more
        return frame

    def _fault(self) -> EnergyPlusFault:
        """Why there is no answer."""
        if not self._ending.alive:
            return EnergyPlusFault("this run of EnergyPlus is closed")
        try:
            code = self._child.wait(END_S)
        except subprocess.TimeoutExpired:
            return EnergyPlusFault(f"EnergyPlus said nothing for {SILENT_S:g} s")
        if code == 0:
            return EnergyPlusFault("EnergyPlus reached the end of its run period")
        said = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return EnergyPlusFault(said or f"EnergyPlus ended with code {code}")

    def close(self) -> None:
        """End the run wherever it is; so does forgetting this object."""
        self._ending()


def _end(child: subprocess.Popen[bytes], pipes: tuple[int, ...], home: tempfile.TemporaryDirectory[str]) -> None:
    for pipe in pipes:
        os.close(pipe)
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    home.cleanup()
