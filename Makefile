# Every target sets itself up: it needs only make and Python 3.11 or newer. Nothing is installed outside .venv.
PYTHON ?= python3
BIN := .venv/bin
DEMO := epipose-demo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test clean

## make demo: reconstruct a synthetic recording of four cameras, say how far it is from the truth, and where the report is
demo: .venv/.installed
	$(BIN)/epipose demo $(DEMO)

## make test: all that a change has to pass
test: .venv/.developing
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
# The body model's cache takes a minute; built here, it is not built by two processes at once.
	$(BIN)/python -c 'from epipose.studio.bodies import make_body; make_body({}, note=print)'
# The page is tried in a real browser.
	command -v chromium > /dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }
	$(BIN)/python -m pytest -n 2

## make clean: remove what the other targets made
clean:
	rm -rf .venv $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "Installing epipose into .venv (the first time takes some minutes)"
	$(PIP) --editable .
	@touch $@

.venv/.developing: .venv/.installed
	$(PIP) --editable '.[dev]'
	@touch $@
