# Each target sets up what it needs in .venv, so a fresh clone and Python >= 3.10 are enough.
#   make demo     tune a scikit-learn pipeline, show the best trial, and write a report on it
#   make gallery  draw every figure, in both backends, light and dark, into gallery/
#   make test     the tests, without the slow ones     (make test ARGS="-k space")
#   make check    formatting, lint, types, tests: what must hold before a commit
#   make format   put the code into shape
#   make clean    remove .venv and every cache
# Another Python: make test PYTHON=python3.12; other numbers of processes: make test JOBS=8
PYTHON ?= python3
ARGS ?=
JOBS ?= 2
# One thread for each of them: more would wait for each other.
export OMP_NUM_THREADS ?= 1

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip install -q --disable-pip-version-check

.PHONY: demo gallery test check format lint types dev clean

demo: .venv/demo.stamp
	@$(PY) examples/demo.py

gallery: .venv/dev.stamp
	MPLBACKEND=agg $(PY) examples/gallery.py gallery $(ARGS)

test: .venv/dev.stamp
	$(PY) -m pytest -q -n $(JOBS) -m "not slow" $(ARGS)

check: lint types test

lint: .venv/dev.stamp
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: .venv/dev.stamp
	$(PY) -m mypy

format: .venv/dev.stamp
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

dev: .venv/dev.stamp

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/demo.stamp: pyproject.toml | .venv/made.stamp
	@echo "Installing Skipjack and scikit-learn into .venv ..."
	@$(PIP) -e '.[sklearn]'
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/made.stamp
	@echo "Installing Skipjack and its development tools into .venv ..."
	@$(PIP) -e '.[dev]'
	@touch $@

.venv/made.stamp:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3.10 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
	    rm -rf .venv; \
	    $$python -m venv .venv || { \
	      rm -rf .venv; \
	      echo "$$python cannot make a virtual environment; on Debian: apt install python3-venv" >&2; \
	      exit 1; }; \
	    touch $@; exit 0; \
	  fi; \
	done; \
	echo "Skipjack needs Python 3.10 or newer; say where it is: make PYTHON=/path/to/python3" >&2; \
	exit 1
