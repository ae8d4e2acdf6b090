"""`make bench`: every `bench_*.py` in this folder, or those named: `python -m tests.bench planner store`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> int:
    found = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    wanted = sys.argv[1:] or found
    unknown = [name for name in wanted if name not in found]
    if unknown:
        print(f"no bench named {', '.join(unknown)}; there are {', '.join(found)}")
        return 2
    for name in wanted:
        print(f"== {name}", flush=True)
        importlib.import_module(f"tests.bench.bench_{name}").main()
    return 0


raise SystemExit(main())
