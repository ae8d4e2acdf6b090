"""Locks every dependency: uv.lock, and from it requirements.txt with hashes, which uv and pip both read.

The lock names packages, versions and hashes, but no host: a site installs from whichever index it trusts. So each
download address is cut down to its file name; the hashes still decide what may be installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "uv.lock"
REQUIREMENTS = {
    "dev": ROOT / "deploy" / "requirements.txt",
    "energyplus": ROOT / "deploy" / "requirements-energyplus.txt",
}
"""By extra of pyproject.toml."""
HEAD = "# Written by `make lock` from uv.lock; do not edit.\n"


def without_hosts(lock: str) -> str:
    """The lock with file names in the place of addresses."""
    lock = re.sub(r'url = "https?://[^"]*/([^/"]+)"', r'path = "\1"', lock)
    return re.sub(r'registry = "https?://[^"]*"', 'registry = "."', lock)


def main() -> int:
    LOCK.unlink(missing_ok=True)
    try:
        subprocess.run(["uv", "lock", "--quiet"], cwd=ROOT, check=True)
        LOCK.write_text(without_hosts(LOCK.read_text("utf-8")), "utf-8")
        for extra, path in REQUIREMENTS.items():
            path.write_text(HEAD + _pins(extra), "utf-8")
    except FileNotFoundError:
        sys.stderr.write("hushwatt: uv is not on PATH; it is needed to write the lock, not to use it\n")
        return 1
    except subprocess.CalledProcessError as fault:
        sys.stderr.write(f"hushwatt: uv failed: {fault.stderr or fault}\n")
        return 1
    return 0


def _pins(extra: str) -> str:
    export = ["uv", "export", "--quiet", "--frozen", "--extra", extra, "--no-emit-project", "--no-header"]
    return subprocess.run(export, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
