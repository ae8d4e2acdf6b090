"""What the judge is left: `kpi.json` and the true series of the judged days. True values, never the wire's."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from simulator.plant import Account, Plant

COMFORT_LOW_C, COMFORT_HIGH_C, BEYOND_K = 20.5, 25.5, 0.1
"""The account's band; README.md."""


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old file or the new one. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


class Score:
    """Begins with the judged days; closed once."""

    def __init__(self, plant: Plant, folder: Path) -> None:
        plant.start_account()
        self._plant = plant
        self._path = folder / "kpi.json"
        self._file: TextIO = (folder / "series.csv").open("w", encoding="utf-8", newline="")
        self._series = csv.writer(self._file)
        self._series.writerow(["unix_s", *plant.names])
        places = {name: place for place, name in enumerate(plant.names)}
        zones = [name.partition(".")[0] for name in plant.names if name.endswith(".occupancy_count")]
        self._people = [places[f"{zone}.occupancy_count"] for zone in zones]
        self._air = [places[f"{zone}.zone_air_temperature"] for zone in zones]
        self._occupied = self._hot = self._cold = 0

    @property
    def is_closed(self) -> bool:
        return self._file.closed

    def add(self, values: NDArray[np.float64]) -> None:
        """A judged step's true values, [len(names)]."""
        self._series.writerow([int(self._plant.unix_s), *(f"{value:.6g}" for value in values)])
        air = values[self._air][values[self._people] > 0.0]
        self._occupied += bool(len(air))
        self._hot += bool((air > COMFORT_HIGH_C + BEYOND_K).any())
        self._cold += bool((air < COMFORT_LOW_C - BEYOND_K).any())

    def close(self, gateway: Mapping[str, int]) -> None:
        """Write the books; afterwards nothing counts any more."""
        if not self.is_closed:
            self._file.close()
            write_atomically(self._path, json.dumps(self._books(gateway), indent=2) + "\n")

    def _books(self, gateway: Mapping[str, int]) -> dict[str, Any]:
        account = self._plant.account()
        return {**account.as_dict(), **_protocol_terms(account), **self._shares(), "gateway": dict(gateway)}

    def _shares(self) -> dict[str, float]:
        steps = max(1, self._occupied)
        return {"hi_pct": 100.0 * self._hot / steps, "lo_pct": 100.0 * self._cold / steps}


def _protocol_terms(account: Account) -> dict[str, Any]:
    """The plant protocol's names for what the account has under its own; it shares `hvac_kwh`, `gas_kwh`, `kwh`, `pue`,
    `unvent_h`, `short_h` and `humid_kh`."""
    return {
        "facility_kwh": account.site_kwh,
        "hi_kh": account.comfort_hi_kh,
        "lo_kh": account.comfort_lo_kh,
        "worst_hi": account.worst_hi_k,
        "worst_lo": account.worst_lo_k,
    }
