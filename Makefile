# The two commands to know: `make demo` and `make test`. `make help` lists the rest.

# The first Python 3.11 to 3.13 found; name another with `make PYTHON=/path/to/python setup`.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(SUPPORTED)' 2>/dev/null && echo "$$python" && exit; done; echo python3)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The demo: the main job on the built-in catalogue, with a budget in minutes that 2 cores meet.
DEMO_RUN := runs/demo
DEMO_MINUTES ?= 7
DEMO_OPTIONS := model=cyclegan data=products experiment=demo name=demo

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo check test test-slow lint format types contract hooks lock upgrade audit wheel docker clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv and install the locked packages (a second call does nothing)

# A changed lock or changed metadata installs again; the stamp is written last, so a broken installation is repeated.
$(STAMP): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "error: no $(PYTHON) found: gan_lab needs Python 3.11, 3.12 or 3.13 (make PYTHON=/path/to/python setup)" >&2; exit 1; }
	@"$(PYTHON)" -c '$(SUPPORTED)' || \
		{ echo "error: $(PYTHON) is $$("$(PYTHON)" --version 2>&1): gan_lab needs Python 3.11, 3.12 or 3.13 (make PYTHON=/path/to/python setup)" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## train CycleGAN on the built-in demo catalogue and evaluate it, within 10 minutes on 2 cores
	$(BIN)/python -m gan_lab.train $(DEMO_OPTIONS) trainer.max_minutes=$(DEMO_MINUTES) resume=auto
	$(BIN)/python -m gan_lab.evaluate checkpoint=$(DEMO_RUN)/checkpoints/last.ckpt output=$(DEMO_RUN)/evaluation
	@echo
	@echo "pictures:    $(DEMO_RUN)/samples/"
	@echo "checkpoint:  $(DEMO_RUN)/checkpoints/last.ckpt"
	@echo "metrics:     $(DEMO_RUN)/metrics.csv and $(DEMO_RUN)/evaluation/metrics.json"

# Three processes for two cores: the tests compute with one thread each, and many wait, for a service or a process.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist worksteal
# Tests of single functions and classes, none of which trains or starts a command.
FAST := $(addprefix tests/,augment config hardware losses metrics storage benchmarks/test_house.py test_checkpoint.py \
	test_cores.py test_errors.py test_kinds.py test_options.py test_rng.py test_schedules.py test_terminal.py test_version.py)

check: lint types contract ## lint, type check, import contract and the fast tests: a minute and a half
	$(PYTEST) -m "not slow" $(FAST)

test: lint types contract ## lint, type check, import contract and the tests
	$(PYTEST) -m "not slow"

test-slow: $(STAMP) ## the tests that take minutes: every yaml, killed, resumed, compiled
	$(BIN)/python -m pytest -m slow

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## mypy
	$(BIN)/mypy

contract: $(STAMP) ## import-linter: who may import whom
	$(BIN)/lint-imports

hooks: $(STAMP) ## install the git hooks (pre-commit)
	$(BIN)/pre-commit install

# Three locks of one resolution: all packages (requirements.lock), those that run (the image's), those that build the wheel.
# uv is not part of the locks that it writes: it lives in a folder that is gone afterwards.
lock: ## write the requirements*.lock again, keeping the versions that still fit
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	"$(PYTHON)" -m venv "$$tools" && \
	"$$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv && \
	compile() { UV_CUSTOM_COMPILE_COMMAND="make lock" "$$tools/bin/uv" pip compile --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --quiet "$$@"; } && \
	compile pyproject.toml --group dev $(LOCK_OPTIONS) --output-file requirements.lock && \
	compile pyproject.toml --constraint requirements.lock --output-file requirements-runtime.lock && \
	compile --group build --constraint requirements.lock --output-file requirements-build.lock

upgrade: LOCK_OPTIONS := --upgrade
upgrade: lock ## write the requirements*.lock again with the newest versions

# pip-audit asks a database of advisories over the network, so it is no part of `make test`; it lives beside the lock as uv does.
audit: ## look up every locked package in the database of known vulnerabilities
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	"$(PYTHON)" -m venv "$$tools" && \
	"$$tools/bin/python" -m pip install --quiet --disable-pip-version-check pip-audit && \
	"$$tools/bin/pip-audit" --requirement requirements.lock --require-hashes --disable-pip

wheel: $(STAMP) ## build dist/*.whl, conf/ included
	$(BIN)/python -m build --wheel --no-isolation

docker: ## build the image gan-lab
	docker build --tag gan-lab .

clean: ## remove what was built and cached; runs/ and .venv stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find gan_lab tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
