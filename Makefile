# Two commands: `make demo` shows digits appear, `make test` proves that things work. Both make .venv on first use.
PYTHON ?= python3
VENV   ?= .venv
RUN    ?= runs/demo
BIN    := $(VENV)/bin

.PHONY: help demo test test-all lint clean
help:
	@echo "make demo      install, then three minutes of a GAN learning real digits; the result is in $(RUN)"
	@echo "make test      install what tests need, run the fast tests (minutes)"
	@echo "make test-all  the slow ones too"
	@echo "make lint      ruff"

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("ganvas needs Python 3.11 or newer: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo]"
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo,dev]"
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/ganvas train --data digits --minutes 3 --run $(RUN)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto -m "not slow"

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.dev
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) runs
