# make run: serve on http://127.0.0.1:8080.  make test, make lint: what CI runs.
PYTHON ?= python3
PORT ?= 8080
export FACECOG_HOME ?= data

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test lint format screenshots lock clean

run: $(VENV)/app
	$(BIN)/facecog serve --port $(PORT)

test: $(VENV)/dev
	tools/ensure_browser.sh
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The pictures in docs/screenshots/.
screenshots: $(VENV)/dev
	tools/ensure_browser.sh
	$(BIN)/python -m tests.screenshots

# The exact versions of everything, for every Python and system that pyproject.toml allows.
lock: $(VENV)/dev
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.10 --extra dev \
		--no-header --no-annotate --output-file constraints.txt pyproject.toml

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'facecog needs Python 3.10 or newer (make PYTHON=python3.12 ...).' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'No venv: on Debian and Ubuntu, apt install python3-venv.' >&2; exit 1; }

$(VENV)/app: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/app
