# Everything happens in .venv; a second run skips what is done.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

INTEROP := .venv-interop

.PHONY: demo demo-headless ui test interop thorough check format wheel clean help

help:
	@echo "make demo           audit the sample images and open the interface on 127.0.0.1"
	@echo "make demo-headless  the same audit without the interface; ends with one line of JSON"
	@echo "make test           run the tests (browser tests need Chromium and are skipped without)"
	@echo "make interop        install the libraries whose formats we read and write, for their tests"
	@echo "make thorough       a thousand examples of each property, and the faults in full"
	@echo "make check          lint, formatting, types, import rules"

demo: $(VENV)/.installed
	$(BIN)/air-audit demo

demo-headless: $(VENV)/.installed
	@$(BIN)/air-audit demo --no-ui

# Two processes: more would each hold networks of their own. The browser's files come last.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# They want older versions of what we use, so they live apart; without them their tests skip.
interop: $(INTEROP)/.installed

$(INTEROP)/.installed: tests/formats/interop-requirements.txt
	$(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# What takes half an hour: a thousand examples of each property, and the faults in full.
thorough: $(VENV)/.installed-dev
	THOROUGH=1 $(BIN)/python -m pytest tests/formats/test_round_trip.py \
	  tests/formats/test_document_round_trip.py tests/labels

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) $(INTEROP) build dist workspaces .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (a few minutes the first time: PyTorch is large)"
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (a few minutes the first time: PyTorch is large)"
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@
