.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# An inherited PYTHONDONTWRITEBYTECODE doubles every import.
export PYTHONDONTWRITEBYTECODE :=
export UV_PYTHON_DOWNLOADS := never
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate

# The kinds of tests that `make test` leaves to `make test-rest`. Tests also wait, so three run at once on two cores.
REST := images or machines or long
SPREAD := --numprocesses 3 --dist loadscope --no-loadscope-reorder

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with .venv/bin/agenthands, from the lock

$(STAMP): requirements.lock pyproject.toml
	@deployments/install.sh $(VENV)
	@touch $@

check: install ## Lint, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

test: install ## The tests that prove a change, in under ten minutes on two cores; sets up the NAT environment
	$(BIN)/python -m pytest -m "not ($(REST))" $(SPREAD)

test-rest: install ## The tests that need images of docker or many machines, or take long
	deployments/docker-for-tests.sh $(BIN)/python -m pytest -m "$(REST)" $(SPREAD)

test-failed: install ## The tests that failed last, one after the other
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

test-all: test test-rest ## All tests

test-fast: install ## The tests that need no NAT environment, sandbox or server
	$(BIN)/python -m pytest -m "not slow" $(SPREAD)

fuzz: install ## The fuzz tests with many random examples, instead of the few that are always the same
	AGENTHANDS_FUZZ=long $(BIN)/python -m pytest --numprocesses auto tests/fuzz

demo: install ## The whole line on the seed's own request, with a scripted model
	$(BIN)/agenthands demo

serve: install ## Prefect server with its UI, the deployment, and this machine as worker
	$(BIN)/agenthands serve

bench: install ## Measure speed and memory, or some lines with LINES="seed cpu"; writes bench/results.json
	$(BIN)/python -m bench.all $(LINES)
	@$(BIN)/uv venv --quiet --allow-existing .cache/plots
	@$(BIN)/uv pip install --quiet --python .cache/plots --group plots
	.cache/plots/bin/python bench/draw.py

docs: install ## Write the tables of README and docs that are made from the code
	$(BIN)/python docs/tables.py
	$(BIN)/python docs/folders.py
	$(BIN)/python -m agenthands.reports.reasons_page docs/reasons.md

format: install ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: install ## Resolve requirements.lock and agenthands/environments/locks/*.lock anew
	$(UV_COMPILE) --group dev pyproject.toml -o requirements.lock
	$(UV_COMPILE) --only-binary :all: --no-binary wikipedia agenthands/environments/locks/nat.in -o agenthands/environments/locks/nat.lock
	$(UV_COMPILE) --only-binary :all: agenthands/environments/locks/node.in -o agenthands/environments/locks/node.lock
	$(UV_COMPILE) --only-binary :all: -c agenthands/environments/locks/nat.lock agenthands/environments/locks/installer.in -o agenthands/environments/locks/installer.lock

.PHONY: help install check test test-rest test-failed test-all test-fast fuzz demo serve bench docs format lock
