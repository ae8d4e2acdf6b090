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
    failed = [name for name in wanted if not _ran_well(name)]
    if failed:
        print(f"not reached: {', '.join(failed)}")
    return 1 if failed else 0


def _ran_well(name: str) -> bool:
    print(f"== {name}", flush=True)
    return not importlib.import_module(f"tests.bench.bench_{name}").main()


raise SystemExit(main())
