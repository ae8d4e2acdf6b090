#!/bin/sh
# Makes .venv and fills it from deploy/requirements.txt (written by `make lock` from uv.lock), hash by hash.
set -eu

fail() {
    echo "hushwatt: $1" >&2
    exit 1
}

PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || fail "python3 is not on PATH: install Python 3.11 or newer"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$PYTHON" --version) is too old: Python 3.11 or newer is needed (or name one: make PYTHON=python3.12 ...)"

if command -v uv >/dev/null; then
    uv venv --quiet --allow-existing --python "$PYTHON" .venv
    uv pip install --quiet --python .venv/bin/python --require-hashes -r deploy/requirements.txt
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
    exit 0
fi

if ! "$PYTHON" -m venv .venv 2>/dev/null; then
    # Debian ships venv without ensurepip unless python3-venv is there: fetch pip by pip where only that one stands.
    "$PYTHON" -m venv --without-pip .venv && "$PYTHON" -m pip --python .venv/bin/python install --quiet pip 2>/dev/null ||
        fail "python3 cannot make a virtual environment: install uv, or Debian's python3-venv"
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
