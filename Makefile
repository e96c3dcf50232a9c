# What can be done here: make help
SHELL := /bin/bash
.DEFAULT_GOAL := help
PORT ?= 8000
PYTEST_ARGS ?= -n 2
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# Compiled once: the tests and the commands start many processes, which otherwise each compile all.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup setup-test demo up test lint format bench lock messages screenshots doctor clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing to run (system packages, Python, page assets)
	@bash scripts/setup.sh run

setup-test: ## The same, with what the tests need (linters, Chromium)
	@bash scripts/setup.sh test

demo: setup ## Serve the demonstration county on http://127.0.0.1:8000 (PORT=…)
	@exec $(BIN)/gridserve up --demo --port $(PORT)

up: setup ## Serve an empty installation (PORT=…)
	@exec $(BIN)/gridserve up --port $(PORT)

test: setup-test ## Run the whole test suite (PYTEST_ARGS=…)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup-test ## Check style, types, who imports whom, and known weaknesses of what is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo 'Out of format: make format'; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/audit.py

format: setup-test ## Put the code into its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-test ## Measure everything beside raw SQL, into docs/benchmarks.md
	@$(BIN)/python bench/start.py
	@$(BIN)/python bench/work.py
	@$(BIN)/python bench/dividing.py
	@$(BIN)/python bench/placing.py
	@$(BIN)/python bench/desk.py
	@$(BIN)/python bench/intake.py
	@$(BIN)/python bench/ingest.py
	@$(BIN)/python bench/trust.py
	@$(BIN)/python bench/million.py

messages: setup-test ## Gather the words to translate into gridserve/translations
	@mkdir -p var
	@$(BIN)/pybabel --quiet extract -F pyproject.toml -k _l -k N_ --no-location --sort-output \
		-o var/messages.pot .
	@$(BIN)/pybabel --quiet update -N --ignore-obsolete -i var/messages.pot \
		-d gridserve/translations -l zh
	@$(BIN)/pybabel --quiet compile -d gridserve/translations

screenshots: setup-test ## Take the README's pictures from a running demonstration (PORT=…)
	@$(BIN)/python scripts/screenshots.py http://127.0.0.1:$(PORT)

doctor: setup ## Say of every dependency whether it is there and well
	@$(BIN)/gridserve doctor

lock: setup-test ## Choose versions anew and write the lock files
	@$(LOCK) --upgrade --extra build pyproject.toml --output-file requirements.txt
	@$(LOCK) --extra build --extra dev --constraint requirements.txt pyproject.toml \
		--output-file requirements-dev.txt
	@npm update --package-lock-only
	@! grep -nE -- '--(extra-)?index-url|--find-links|"resolved"' requirements*.txt package-lock.json

clean: ## Remove what set-up and runs made here (asks first when there is a database)
	@bash scripts/clean.sh
