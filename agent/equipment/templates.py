"""Products as data files: where each role lives on the wire of one product."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent / "templates"


def template_names() -> list[str]:
    """Every product that comes with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def template(name: str) -> dict[str, Any]:
    """`vendor`, `model`, `kind`, `driver`, `source`, `points` (role -> entry). Raises KeyError for an unknown name."""
    path = FOLDER / f"{name}.yaml"
    if name not in template_names():
        raise KeyError(name)
    return dict(YAML(typ="safe").load(path.read_text("utf-8")))
