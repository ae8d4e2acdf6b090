"""The demo's processes: started in their own sessions, ended by us in the right order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# What a gateway's service file sets too: it keeps numpy, onnxruntime and malloc small (see deploy/hushwatt.env).
SMALL = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_MMAP_THRESHOLD_": "65536",
}


class EndedEarlyError(Exception):
    """A process of the demo ended on its own; the text is its last words."""


class Child:
    """`python -m agent ARGS` in the background, its output in a file."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agent", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **SMALL},
                # Ctrl-C at the terminal reaches the demo only, which then ends its children in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raises EndedEarlyError when the process is gone."""
        code = self._process.poll()
        if code is not None:
            raise EndedEarlyError(f"the {self.name} ended with {code}: {self.last_words()}")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def last_words(self) -> str:
        lines = [line for line in self._log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"it said nothing, see {self._log}"

    def stop(self, within_s: float) -> bool:
        """Ask it to end; True when it did so by itself and with success."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within_s) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
