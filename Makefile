# Each target sets up what it needs. Stamps in .stamps remember what is done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run demo test bench fuzz deep lint test-python test-pages lock clean

help:
	@echo "make demo   an invented conference on a wall; nothing else is needed"
	@echo "make run    your own, as config.yaml says"
	@echo "make test   everything that is checked"
	@echo "make lint   the quick part of it"
	@echo "make bench  what it costs: 2,000 readers, logs of 100,000 and 200,000 posts, strangers' slow pictures"
	@echo "make fuzz   20,000 odd answers to the running program (FUZZ_SEED, FUZZ_ANSWERS)"
	@echo "make deep   all of what test tries a part of: deaths, hostile input to parsers and pages; 15 minutes"
	@echo "make lock   new versions of what we depend on"
	@echo "make clean  forget what the others made"

run: .stamps/run
	@$(BIN)/backchannel serve --config config.yaml

demo: .stamps/run
	@$(BIN)/backchannel demo

# Three installations and the quick checks side by side; what they need of Debian comes before.
test: .stamps/debian
	@$(MAKE) --no-print-directory --jobs=2 .stamps/relay lint test-pages
	@$(MAKE) --no-print-directory test-python

bench: .stamps/run
	@$(BIN)/python -m benchmarks.fanout
	@$(BIN)/python -m benchmarks.scale
	@$(BIN)/python -m benchmarks.pictures

fuzz: .stamps/test
	@$(BIN)/python -m tests.faults.fuzz

deep: .stamps/test .stamps/debian
	@EVERY=1 $(BIN)/pytest -n0 tests/linear tests/faults/test_kill.py tests/browser/test_hostile.py \
		tests/browser/test_injection.py

lint: .stamps/test .stamps/node
	@echo "== ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== tsc"
	@node_modules/.bin/tsc -p jsconfig.json

test-pages: .stamps/node
	@echo "== the pages' modules"
	@node --test $$(find tests -name '*.test.js' | sort)

test-python: .stamps/test .stamps/relay .stamps/debian
	@echo "== pytest"
	@rm -rf .coverage
	@# one more than there are cores, as some tests wait for seconds
	@$(BIN)/pytest -n $$(($$(nproc) + 1)) --dist worksteal --cov --cov-report=term

.stamps/run: requirements.txt pyproject.toml
	@scripts/venv .venv requirements.txt
	@$(BIN)/python -m pip install -qq --no-index --no-deps --no-build-isolation --editable .
	@mkdir -p $(@D) && touch $@

.stamps/test: requirements-test.txt .stamps/run
	@scripts/venv .venv requirements-test.txt
	@mkdir -p $(@D) && touch $@

.stamps/relay: requirements-relay.txt
	@scripts/venv .venv-relay requirements-relay.txt
	@mkdir -p $(@D) && touch $@

.stamps/debian: scripts/need
	@scripts/need python
	@scripts/need checks
	@mkdir -p $(@D) && touch $@

.stamps/node: package-lock.json package.json .stamps/debian
	@echo "== installing package-lock.json"
	@npm ci --silent
	@mkdir -p $(@D) && touch $@

# Names no registry and no machine: a lock file holds versions and hashes, nothing else.
COMPILE := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: .stamps/test .stamps/node
	@$(COMPILE) --extra nostr --build-deps-for editable -o requirements.txt pyproject.toml
	@$(COMPILE) -o requirements-test.txt requirements-test.in
	@$(COMPILE) -o requirements-relay.txt requirements-relay.in
	@npm update --package-lock-only --silent

clean:
	@rm -rf .stamps .venv .venv-relay node_modules dist .coverage .hypothesis
	@rm -rf .mypy_cache .pytest_cache .ruff_cache
	@find backchannel tests -name __pycache__ -type d -prune -exec rm -rf {} +
