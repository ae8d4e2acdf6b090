"""`make models`: builds every model folder's graph anew; the same code gives the same bytes."""

from __future__ import annotations

import importlib
from pathlib import Path

for _folder in sorted(path.parent.name for path in Path(__file__).parent.glob("*/build.py")):
    importlib.import_module(f"models.{_folder}.build").main()
