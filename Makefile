# make help lists the targets. Everything sets itself up: packages, .venv, the appliance.
PYTHON ?= python3
BIN := .venv/bin
CAST ?= demo.cast
# Fast kinds of test first, so that a mistake shows early; the laboratory last.
FIRST := unit house dialog golden contract flow crash
FOLDERS := $(patsubst %/,%,$(wildcard tests/*/))
SUITES := $(wildcard $(FIRST:%=tests/%)) $(filter-out $(FIRST:%=tests/%) tests/system %/__pycache__ %/data,$(FOLDERS)) $(wildcard tests/system)
SIDE_BY_SIDE := -n 2 --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup appliance demo recording demo-clean test test-long check bench changelog

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## install what is missing: Debian packages (as root) and .venv
	@$(PYTHON) tools/prerequisites.py

appliance: setup ## build the reference appliance and its sample backup, or reuse the cached ones
	@$(BIN)/python appliance/build.py

demo: setup ## deploy an engine VM here and restore the sample backup into it
	@$(BIN)/python tools/demo.py up

recording: setup ## run the demo in a terminal of 80x24 and keep it as text, an asciinema cast (CAST=demo.cast)
	@$(BIN)/asciinema rec --quiet --overwrite --cols 80 --rows 24 --command "$(BIN)/python tools/demo.py up" $(CAST)

demo-clean: setup ## remove everything the demo made
	@$(BIN)/python tools/demo.py clean

test: appliance ## run every test except the long ones
	@$(BIN)/pytest -m "not long" --every-text $(SIDE_BY_SIDE) $(PYTEST_OPTIONS) $(SUITES)

test-long: appliance ## run the tests that are too slow for `make test`
	@$(BIN)/pytest -m long $(PYTEST_OPTIONS) $(SUITES)

check: setup ## format, lint, types, import directions: all of them, whatever fails
	@failed=0; \
	for tool in "ruff format --check" "ruff check" "mypy" "lint-imports --no-logo"; do \
	  echo "== $$tool"; $(BIN)/$$tool || failed=1; \
	done; exit $$failed

bench: appliance ## measure against the baselines; figures go to docs/performance.md
	@$(BIN)/python -m benchmarks $(BENCH)

changelog: setup ## preview the next release's notes from changelog.d/
	@$(BIN)/towncrier build --draft --version "$$(sed -n 's/^version = //p' setup.cfg)"
