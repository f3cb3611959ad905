# `make` lists what one can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := --disable-pip-version-check --quiet --require-hashes --only-binary :all:

.DEFAULT_GOAL := help
.PHONY: help install up test unit faults vendor-faults real-bars bar-faults bar-vendor-faults strangers lint types contract bench docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## Make .venv with the tickstock command in it

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 install" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements.txt setup.cfg pyproject.toml
	@echo "Installing into $(VENV) (about a minute the first time) ..."
	@$(BIN)/pip install $(LOCKED) -r requirements.txt
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	@$(BIN)/pip install $(LOCKED) -r requirements-test.txt
	@touch $@

up: install ## Start everything on this machine and run a first daily cycle
	@exec $(BIN)/tickstock up

test: $(VENV)/.installed-test ## Run all the tests, on servers they start themselves
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses 2 --dist worksteal

unit: $(VENV)/.installed-test ## Run the tests that need no server
	$(BIN)/pytest tests/unit

faults: $(VENV)/.installed ## Fifteen minutes of kills, freezes, wipes and cut connections, checked
	$(BIN)/python -m tests.faults $(FAULTS)

vendor-faults: $(VENV)/.installed ## Each of the vendor's faults for a day of a replay (FAULTS="--data FOLDER --as-of DATE --days N --on DATE")
	$(BIN)/python -m tests.campaigns.vendor_faults $(FAULTS)

real-bars: $(VENV)/.installed ## A folder of real bars through a backfill, compared row by row (FAULTS="--data FOLDER")
	$(BIN)/python -m tests.campaigns.real_bars $(FAULTS)

bar-faults: $(VENV)/.installed ## Kills in the middle of a backfill's loads, and its bars checked (FAULTS="--kills N --seed N")
	$(BIN)/python -m tests.campaigns.bar_faults $(FAULTS)

bar-vendor-faults: $(VENV)/.installed ## Each of the vendor's faults in the middle of a backfill, and its bars checked
	$(BIN)/python -m tests.campaigns.bar_vendor_faults $(FAULTS)

strangers: $(VENV)/.installed ## The quality benchmark on 449 companies that no threshold was chosen on (FAULTS="--tune")
	$(BIN)/python -m tests.campaigns.strangers $(FAULTS)

lint: $(VENV)/.installed-test ## Format, lint, check the import rules
	$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/lint-imports

types: $(VENV)/.installed-test ## Check the types
	$(BIN)/mypy

contract: $(VENV)/.installed ## Write the events' contract and the vendor's faults into docs/ from the code
	$(BIN)/python -m tickstock_automation.events docs
	$(BIN)/python -m tickstock_automation.replay docs/replay.md

bench: install ## Measure how fast events go on this machine (five minutes)
	@$(BIN)/tickstock bench events

docs: $(VENV)/.installed ## Build the documentation into build/docs
	@$(BIN)/pip install $(LOCKED) -r requirements-docs.txt
	$(BIN)/sphinx-build -W -q docs build/docs && echo "build/docs/index.html"

lock: ## Renew the lock files from setup.cfg
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile $(UPGRADE) --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --extra server --extra local setup.cfg requirements.in -o requirements.txt
	build/lock/bin/uv pip compile $(UPGRADE) --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --extra test -c requirements.txt setup.cfg -o requirements-test.txt
	build/lock/bin/uv pip compile $(UPGRADE) --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --extra docs -c requirements.txt setup.cfg -o requirements-docs.txt

clean: ## Remove what was built (not the data in .tickstock)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
