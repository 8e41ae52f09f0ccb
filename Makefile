# Two commands do all: `make run` and `make test`.  The stamp makes a second call install nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install run test lint bench bench-train clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@# The stand-in needs one file of this package and none of what it imports.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt dashscope
	touch $(STAMP)

run: install
	$(BIN)/diffdx-tui

# A file's tests stay on one worker, which shares their models; one thread each, for two threads
# on one core wait for each other at every product.
test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m 'not slow and not gpu and not alone'
	$(BIN)/python -m pytest -m 'alone and not slow and not gpu'

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/diffdx-tui bench

STANDIN := $(VENV)/standin

# TRL comes in for this alone; the stand-in has random weights: speed and memory, never quality.
bench-train: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	test -f $(STANDIN)/config.json || $(BIN)/python -m trainer standin $(STANDIN)
	$(BIN)/python -m trainer bench-train $(STANDIN) --batch 4 --steps 2 --out docs/results/bench_train.json

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
