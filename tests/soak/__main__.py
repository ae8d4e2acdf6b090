"""`make soak`: every `soak_*.py` in this folder, or those named: `python -m tests.soak store --kills 100`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path


def main() -> int:
    found = sorted(path.stem.removeprefix("soak_") for path in Path(__file__).parent.glob("soak_*.py"))
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Real processes, really killed.")
    # argparse holds the default of a list against the choices as if it were one of them.
    parser.add_argument("names", nargs="*", default=[], choices=[*found, []], metavar="name", help=", ".join(found))
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    failed = [name for name in told.names or found if not _ran_well(name, told.kills, told.seed)]
    if failed:
        print(f"not reached: {', '.join(failed)}")
    return 1 if failed else 0


def _ran_well(name: str, kills: int, seed: int) -> bool:
    print(f"== {name}", flush=True)
    return not importlib.import_module(f"tests.soak.soak_{name}").main(kills, seed)


raise SystemExit(main())
