# Every target sets up what it needs: a virtual environment in .venv, and the packages in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt
ARGS ?=
# Several processes; tests/conftest.py says which tests stay together in one.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test check bench train tools clean

demo: $(VENV)/.demo
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.test tools
	$(BIN)/python -m pytest $(SPREAD) $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.tried
	$(BIN)/python -m bench.editor
	node bench/actions.mjs

train: $(VENV)/.test
	$(BIN)/segface train $(ARGS)

tools:
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  echo "Chromium is missing: browser tests will be skipped. Get it with 'apt-get install chromium'."
	@command -v node >/dev/null || \
	  echo "Node (18 or newer) is missing: the editor's module tests will be skipped. Get it with 'apt-get install nodejs'."

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing the demo; torch is large, the first time takes a minute or more ..."
	$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing the test environment; torch is large, the first time takes a minute or more ..."
	$(PIP) --editable '.[app,train,export,test]'
	@touch $@ $(VENV)/.demo
