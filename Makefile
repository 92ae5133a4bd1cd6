# make run: serve on http://127.0.0.1:8080.  make lint, test, test-deepface, bench-smoke: what CI runs.
PYTHON ?= python3
PORT ?= 8080
export FACECOG_HOME ?= data

VENV := .venv
BIN := $(VENV)/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PIP := $(BIN)/python $(INSTALL)
# DeepFace has an environment of its own, so that nothing else comes to lean on what it brings.
DEEPFACE := .venv-deepface
# So has the other whose speed is measured beside facecog's.
DLIB := .venv-dlib
PARTS ?=

.PHONY: run test test-deepface bench bench-smoke lint format screenshots lock clean

run: $(VENV)/app
	$(BIN)/facecog serve --port $(PORT)

test: $(VENV)/dev
	tools/ensure_browser.sh
	$(BIN)/python -m pytest

# The engine of DeepFace, for real, and the store where it is installed.
test-deepface: $(DEEPFACE)/dev
	$(DEEPFACE)/bin/python -m pytest tests/deepface tests/test_store.py

# What facecog costs, beside its peers: all of it, or PARTS="search load". Writes docs/performance.md.
bench: $(VENV)/dev $(DEEPFACE)/dev $(DLIB)/peer
	$(BIN)/python -m benchmarks.bench $(PARTS)

# The same code on little data: whether it still runs.
bench-smoke: $(VENV)/dev $(DEEPFACE)/dev $(DLIB)/peer
	$(BIN)/python -m benchmarks.bench --smoke $(PARTS)

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
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.10 \
		--extra dev --extra deepface --no-header --no-annotate --output-file constraints.txt pyproject.toml

clean:
	rm -rf $(VENV) $(DEEPFACE) $(DLIB) .cache .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python $(DEEPFACE)/bin/python $(DLIB)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'facecog needs Python 3.10 or newer (make PYTHON=python3.12 ...).' >&2; exit 1; }
	@$(PYTHON) -m venv $(@:/bin/python=) || \
		{ rm -rf $(@:/bin/python=); echo 'No venv: on Debian and Ubuntu, apt install python3-venv.' >&2; exit 1; }

$(VENV)/app: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/app

$(DEEPFACE)/dev: pyproject.toml constraints.txt | $(DEEPFACE)/bin/python
	$(DEEPFACE)/bin/python $(INSTALL) --editable '.[deepface,dev]'
	@touch $@

# face_recognition asks for dlib, which has to be compiled; dlib-bin is the same as a wheel.
$(DLIB)/peer: benchmarks/peers/face_recognition.txt | $(DLIB)/bin/python
	$(DLIB)/bin/python $(INSTALL) --no-deps --requirement $<
	@touch $@
