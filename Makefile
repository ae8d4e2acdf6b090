# Two commands do everything: `make demo` runs the product's main job, `make test` the tests.
# Both set up .venv from the lock first, with uv where it is on PATH, else with python3 -m venv and pip.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test bench lint lock models clean

demo: $(READY)
	$(BIN)/hushwatt demo

test: $(READY)
	$(BIN)/pytest

bench: $(READY)
	$(BIN)/python -m tests.bench

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

models: $(READY)
	$(BIN)/python -m models

# Needs uv and a network: new versions within the ranges of pyproject.toml.
lock:
	$(PYTHON) deploy/lock.py

$(READY): pyproject.toml deploy/requirements.txt deploy/setup.sh
	PYTHON=$(PYTHON) sh deploy/setup.sh
	@touch $@

clean:
	rm -rf .venv build dist demo
