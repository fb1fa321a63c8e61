# Each target makes its own virtual environment on first use; nothing else has to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One thread a process: the tests run on two processes, and idle OpenMP threads would fight for the cores.
TEST := OMP_NUM_THREADS=1 MPLBACKEND=Agg $(BIN)/pytest -n 2

.DEFAULT_GOAL := help
.PHONY: help install test demo lint format docs clean

help:
	@echo "make demo   sample the shipped jet model, judge it, compare samplers, draw (demo/)"
	@echo "make test   run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make docs   build the documentation (site/)"

# torch goes in first, at the pinned version, so that no other package can choose another build.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[simulation,dev,docs]"
	touch $@

install: $(STAMP)

test: $(STAMP)
	$(TEST)

demo: $(STAMP)
	$(BIN)/driftline demo jets --out demo --force

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)
	$(BIN)/mkdocs build --strict

clean:
	rm -rf site demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
