# make help explains itself; `make run` and `make test` need only Python >= 3.11, make and a package index.
# the system's Python before another on the PATH: distributions compile it for speed, see docs/decisions/the-systems-python.md
PYTHON ?= $(shell for each in /usr/bin/python3 python3; do \
	$$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; \
	done || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --retries 8 --timeout 60 --require-hashes --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --extra local --extra build pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help run test lint format full bench bench-ledger bench-api bench-search soak soak-ledger openapi events picture lock sbom clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "MCCS needs Python 3.11 or newer; set PYTHON=/path/to/python3.11 (found: $$($(PYTHON) --version 2>&1))."; exit 1; }
	@echo "Making a Python environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; install it (on Debian: python3-venv)."; exit 1; }

$(VENV)/.installed-run: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the node needs (once, about a minute) …"
	@$(PIP) -r requirements.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed-run
	@echo "Installing what tests need (once, about a minute) …"
	@$(PIP) -r requirements-dev.txt
	@touch $@

run: $(VENV)/.installed-run ## installs on first use, starts the whole node, prints its address and logins
	@exec $(BIN)/mccs run

test: $(VENV)/.installed-dev ## installs what tests need and runs them (ARGS="-k ledger" narrows)
	@$(BIN)/python -m pytest -q $(ARGS)

lint: $(VENV)/.installed-dev ## style, types, import rules, templates, tidiness
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint --quiet --lint gateway/templates services/notifier/templates
	@$(BIN)/python -m pytest -q tests/tidiness

format: $(VENV)/.installed-dev ## formats the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

full: $(VENV)/.installed-run ## real servers, each service its own process (addresses from MCCS_…_URL, else docker compose)
	@exec $(BIN)/python -m deploy.local.full

bench: $(VENV)/.installed-dev ## the figures, with the machine they were taken on
	@$(BIN)/python -m tests.bench

bench-ledger: $(VENV)/.installed-dev ## the ledger's figures; writes docs/bench-ledger.md
	@$(BIN)/python -m services.ledger.bench

bench-api: $(VENV)/.installed-dev ## the public API's figures, with real servers too where their addresses are given; writes docs/bench-api.md
	@$(BIN)/python -m gateway.bench $(if $(MCCS_TEST_AMQP_URL),--full)

bench-search: $(VENV)/.installed-dev ## search and matching at the sizes of the design; writes docs/bench-search.md
	@$(BIN)/python -m services.matcher.bench

soak: soak-ledger ## the long forms of the tests (bounded)
	@$(BIN)/python -m pytest -q -m slow

soak-ledger: $(VENV)/.installed-dev ## ten minutes of load on the ledger, with kills and ten million entries
	@$(BIN)/python -m services.ledger.soak

openapi: $(VENV)/.installed-dev ## writes docs/openapi.json from the code
	@$(BIN)/python -m gateway.openapi

events: $(VENV)/.installed-dev ## writes the schemas of all events and docs/events.md from the code
	@$(BIN)/python -m libs.common.contracts.page

picture: $(VENV)/.installed-dev ## takes the README's picture of the members' start page
	@$(BIN)/python -m tests.e2e.picture

lock: $(VENV)/.installed-dev ## renews requirements*.txt from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@$(COMPILE) $(UPGRADE) -o requirements.txt
	@$(COMPILE) $(UPGRADE) --group dev -c requirements.txt -o requirements-dev.txt

sbom: $(VENV)/.installed-run ## writes build/sbom.cdx.json: every package with the hashes of its files (CycloneDX)
	@mkdir -p build && $(BIN)/python -m deploy.sbom > build/sbom.cdx.json && echo build/sbom.cdx.json

clean: ## removes what was installed and built; never the data folder
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
