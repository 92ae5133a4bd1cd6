# make run: serve on http://127.0.0.1:8080.  make lint, test, test-deepface, bench-smoke: what CI runs.
PYTHON ?= python3
PORT ?= 8080
export FACECOG_HOME ?= data

VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check --no-build-isolation
# $(call install,ENVIRONMENT,LIST): only the very files whose hashes are in requirements/, first what
# builds the others.
define install
$(1)/bin/python $(PIP) --require-hashes --requirement requirements/build.txt
$(1)/bin/python $(PIP) --require-hashes --requirement requirements/$(2).txt
$(1)/bin/python $(PIP) --no-deps --editable .
endef
# DeepFace has an environment of its own, so that nothing else comes to lean on what it brings.
DEEPFACE := .venv-deepface
# So has the other whose speed is measured beside facecog's.
DLIB := .venv-dlib
# And one that has the app alone, to say what it is made of.
SBOM := .venv-sbom
# What is compiled or named when facecog is installed.
SOURCE := pyproject.toml setup.py src/facecog/index/_products.c
PARTS ?=

.PHONY: run test test-deepface bench bench-smoke lint format screenshots lock audit sbom clean

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

# The exact versions of everything, for every Python and system that pyproject.toml allows, and of
# each environment the hashes of its files.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate --no-emit-index-url
HASHED := $(COMPILE) --generate-hashes --constraint constraints.txt

lock: $(VENV)/dev
	$(COMPILE) --upgrade --extra dev --extra deepface --output-file constraints.txt pyproject.toml
	$(HASHED) --output-file requirements/app.txt pyproject.toml
	$(HASHED) --extra postgres --output-file requirements/container.txt pyproject.toml
	$(HASHED) --extra dev --output-file requirements/dev.txt pyproject.toml
	$(HASHED) --extra dev --extra deepface --output-file requirements/deepface.txt pyproject.toml
	$(HASHED) --no-deps --output-file requirements/dlib.txt benchmarks/peers/face_recognition.txt
	$(HASHED) --no-deps --output-file requirements/build.txt requirements/build.in

# Known holes in what is installed. Asks an advisory database on the network; without it nothing is
# known, and this fails: --strict, because pip-audit would call that a success.
audit: $(VENV)/dev
	@for list in requirements/*.txt; do \
		$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement $$list || \
			{ echo "make audit: $$list has holes, or the advisory database could not be reached." >&2; exit 1; }; \
	done

# What the app is made of, as CycloneDX, in build/sbom.json.
sbom: $(VENV)/dev $(SBOM)/app
	$(BIN)/python -m tools.sbom $(SBOM)/bin/python build/sbom.json

clean:
	rm -rf $(VENV) $(DEEPFACE) $(DLIB) $(SBOM) .cache .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python $(DEEPFACE)/bin/python $(DLIB)/bin/python $(SBOM)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo 'facecog needs Python 3.10 or newer (make PYTHON=python3.12 ...).' >&2; exit 1; }
	@$(PYTHON) -m venv $(@:/bin/python=) || \
		{ rm -rf $(@:/bin/python=); echo 'No venv: on Debian and Ubuntu, apt install python3-venv.' >&2; exit 1; }

$(VENV)/app: $(SOURCE) requirements/app.txt requirements/build.txt | $(BIN)/python
	$(call install,$(VENV),app)
	@touch $@

$(VENV)/dev: $(SOURCE) requirements/dev.txt requirements/build.txt | $(BIN)/python
	$(call install,$(VENV),dev)
	@touch $@ $(VENV)/app

$(DEEPFACE)/dev: $(SOURCE) requirements/deepface.txt requirements/build.txt | $(DEEPFACE)/bin/python
	$(call install,$(DEEPFACE),deepface)
	@touch $@

# As in the container: with what PostgreSQL needs.
$(SBOM)/app: $(SOURCE) requirements/container.txt requirements/build.txt | $(SBOM)/bin/python
	$(call install,$(SBOM),container)
	@touch $@

# face_recognition asks for dlib, which has to be compiled; dlib-bin is the same as a wheel.
$(DLIB)/peer: requirements/dlib.txt requirements/build.txt | $(DLIB)/bin/python
	$(DLIB)/bin/python $(PIP) --require-hashes --requirement requirements/build.txt
	$(DLIB)/bin/python $(PIP) --require-hashes --no-deps --requirement requirements/dlib.txt
	@touch $@
