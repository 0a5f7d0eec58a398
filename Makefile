# What people type: run, test, check, demo, bench. Everything lands in .venv and in git-ignored folders.
PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ASSETS := edms/web/static/built/.stamp
ASSET_SOURCES := $(wildcard edms/web/assets/*.json edms/web/assets/*.py) $(shell find edms/web/assets/src -type f 2>/dev/null)
DATA ?= var/diwan
DEMO_DATA ?= var/demo

.DEFAULT_GOAL := help
.PHONY: help run test nightly check demo bench lock install install-test install-bench assets clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile

run: install assets  ## install, make a demonstration installation if there is none, start it, print the URL and the logins
	DIWAN_DATA=$(DATA) $(BIN)/diwan up --demo

demo: install assets  ## send real letters between demonstration entities and print the balance
	DIWAN_DATA=$(DEMO_DATA) $(BIN)/diwan demo

test: install-test assets  ## the whole suite, on SQLite and on PostgreSQL (ARGS=... for pytest)
	$(BIN)/pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

nightly: install-test assets  ## gateway and relay killed 200 times on each database, at every step and at random; 1,000 letters issued at once; every way to leak
	DIWAN_KILL_ROUNDS=200 DIWAN_GAPLESS_LETTERS=1000 DIWAN_LEAK_EVERY=1 $(BIN)/pytest tests/leaks tests/registry/test_gapless.py $(wildcard tests/mailgw/test_kill_*.py) $(ARGS)

check: install-test  ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg --no-cache

bench: install-bench assets  ## the figures that README quotes
	@for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

# The locks take every hash from the public index and none from wheels that this machine may keep; UPGRADE=--upgrade for newer versions.
lock: COMPILE = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --allow-unsafe \
	--generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras $(UPGRADE)
lock:  ## write requirements/*.lock from setup.cfg
	@test -x $(BIN)/pip-compile || $(MAKE) install-test
	$(COMPILE) --build-deps-for wheel --output-file requirements/run.lock setup.cfg
	$(COMPILE) --build-deps-for wheel --extra test --constraint requirements/run.lock --output-file requirements/test.lock setup.cfg
	$(COMPILE) --extra bench --constraint requirements/test.lock --output-file requirements/bench.lock setup.cfg

install: $(VENV)/.run-installed
install-test: $(VENV)/.test-installed
install-bench: $(VENV)/.bench-installed
assets: $(ASSETS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Diwan needs Python 3.11 or newer as $(PYTHON); set PYTHON=... to name another.' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'Python has no venv here. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The locks carry the build backend, so that nothing is fetched without a hash.
$(VENV)/.run-installed: requirements/run.lock setup.cfg pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes -r requirements/run.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test-installed: requirements/test.lock $(VENV)/.run-installed
	$(PIP) install --quiet --require-hashes -r requirements/test.lock
	@touch $@

$(VENV)/.bench-installed: requirements/bench.lock requirements/peers.lock $(VENV)/.test-installed
	$(PIP) install --quiet --require-hashes -r requirements/bench.lock
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/peers.lock
	@touch $@

$(ASSETS): $(ASSET_SOURCES) | $(VENV)/bin/python install
	$(BIN)/python -m edms.web.assets.build
	@touch $@

clean:  ## remove what the other commands made, but no data folder
	rm -rf $(VENV) build dist *.egg-info edms/web/static/built edms/web/assets/node_modules test-artifacts
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
