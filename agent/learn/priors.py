"""What a machine is like before anything of it was seen: from `models/<kind>/priors.json`, each with its source."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import ModelError

Array = npt.NDArray[np.float64]

MODELS = Path(__file__).parents[2] / "models"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Mean and standard deviation, float64 [n] each."""

    mean: Array
    spread: Array

    @property
    def value(self) -> float:
        """The first mean: of a prior that is one number."""
        return float(self.mean[0])

    @property
    def rows(self) -> list[tuple[float, float]]:
        return list(zip(self.mean.tolist(), self.spread.tolist(), strict=True))


@cache
def priors_of(kind: str, models: Path = MODELS) -> Mapping[str, Prior]:
    """By name. Raises ModelError: which file and entry, what was found, what was wanted."""
    path = models / kind / "priors.json"
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise ModelError(f"{path}: found no JSON that can be read ({fault}), wanted priors by name") from fault
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("priors"), dict):
        raise ModelError(f"{path}: found no priors of format {FORMAT}, wanted `format: {FORMAT}` and `priors` by name")
    return {name: _prior(path, name, entry) for name, entry in told["priors"].items()}


def _prior(path: Path, name: str, entry: Any) -> Prior:
    if not isinstance(entry, dict):
        raise ModelError(f"{path}: {name}: found {entry!r}, wanted `of`, `mean`, `spread`, `unit` and `source`")
    mean, spread = (_numbers(path, name, key, entry.get(key)) for key in ("mean", "spread"))
    if not len(mean) == len(spread) == len(entry.get("of", ())):
        raise ModelError(f"{path}: {name}: found {len(mean)} means and {len(spread)} spreads, wanted one each for `of`")
    if not (spread > 0.0).all():
        raise ModelError(f"{path}: {name}.spread: found {spread.tolist()}, wanted numbers above 0: nothing is certain")
    if not entry.get("source"):
        raise ModelError(f"{path}: {name}.source: found nothing, wanted where these numbers are from")
    return Prior(mean=mean, spread=spread)


def _numbers(path: Path, name: str, key: str, told: Any) -> Array:
    is_number = isinstance(told, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) for x in told
    )
    if not told or not is_number:
        raise ModelError(f"{path}: {name}.{key}: found {told!r}, wanted finite numbers")
    return np.array(told, np.float64)
