# Everything runs from a bare checkout: Python 3.11 or newer and make are enough, the environment is created in .venv.
# The integration suite also wants Java 17 and Maven, to run a real Kafka broker and the original Connect worker, and
# PostgreSQL and MariaDB, which it installs by apt-get where it runs as root.
# A REST client that it tries is written for Node.js 18 or newer with npm; the others come from the package index.

PYTHON ?= python3
BIN := .venv/bin
FILE ?=
# Processes that run tests side by side: half of their time they wait for servers and limits.
TESTERS ?= 2
# The path as it was given, whatever characters it has; recipes read it from the environment.
override export FILE := $(value FILE)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/ready compiled ## Move a real file through a worker on the embedded log, with live progress (FILE=path for your own)
	@$(BIN)/linkspan demo $${FILE:+--file "$$FILE"}

.PHONY: test
test: .venv/ready compiled ## Run all tests: unit tests, then the integration suite on real servers
	@$(BIN)/pytest -n $(TESTERS) --dist loadgroup tests
	@$(BIN)/pytest -n $(TESTERS) --dist loadgroup integration

.PHONY: check
check: .venv/ready ## Lint, types, import contracts, module sizes, example configurations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python integration/modules.py

.PHONY: bench
bench: .venv/ready ## Measure against the original worker in one run; writes docs/reference/benchmarks.md
	@$(BIN)/python -m integration.bench

.PHONY: config
config: .venv/ready ## Write the complete worker files in config/ anew, from the declared keys
	@for mode in standalone distributed; do \
		$(BIN)/python -m linkspan.config.worker_file $$mode > config/connect-$$mode.properties || exit; \
	done

.PHONY: lock
lock: .venv/ready ## Pin all dependencies anew in requirements.lock
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra dev --output-file requirements.lock pyproject.toml

# As pip does with what it installs: workers start with bytecode, also where PYTHONDONTWRITEBYTECODE keeps Python from
# writing it for a checkout.
.PHONY: compiled
compiled: .venv/ready
	@$(BIN)/python -m compileall -q runtime connectors

.venv/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Linkspan needs Python 3.11 or newer; try: make PYTHON=python3.12 …")'
	@echo "Preparing .venv (once) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
