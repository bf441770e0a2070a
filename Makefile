# Everything there is to do here. Needed: make, and Python 3.11 or newer with its venv module.

VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 1000
# Of each of the twenty kinds: 10,000 cases of SQL against the stream.
SQL_SEEDS ?= 500
SEED ?= 1
ARGS ?=

# The first Python that is new enough, else whatever `python3` is (and a clear sentence below).
# Another one: make setup PYTHON=/path/to/python
PYTHON_IS_OK := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(PYTHON_IS_OK)' >/dev/null 2>&1 && echo "$$p" && exit; done; echo python3)

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench bench-kafka sim soak docs kafka clean

help:  ## say what the targets are
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	while IFS='|' read -r target text; do printf '%-14s %s\n' "$$target" "$$text"; done

setup: $(VENV)/.test  ## make .venv with Sluice and what its tests need

run: $(VENV)/.base  ## run the rules of rules/auth over the sample log
	$(BIN)/sluice run -r rules/auth --codec syslog:year=2026,zone=UTC examples/auth.log

test: $(VENV)/.test  ## run all tests (ARGS="-k word" chooses)
	$(BIN)/python -m pytest -q -n auto $(ARGS)

check: $(VENV)/.test  ## ruff, mypy, the laws of the house, the pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/python -m pytest -q -n auto tests/test_house.py tests/test_docs.py

bench: $(VENV)/.test  ## measure speed and memory
	$(BIN)/python -m bench $(ARGS)

bench-kafka: $(VENV)/.test  ## measure workers beside stock Faust (needs Java and Maven)
	$(BIN)/python -m bench.kafka $(ARGS)

sim: $(VENV)/.test  ## compare the engine with its oracle, and SQL with the engine (SEEDS=1000, SQL_SEEDS=500)
	$(BIN)/python -m tests.oracle.sim --seeds $(SEEDS) $(ARGS)
	$(BIN)/python -m tests.oracle.sim_sql --seeds $(SQL_SEEDS)

soak: $(VENV)/.test  ## kill workers and broker for half an hour, and judge what was found (SEED=1)
	$(BIN)/python -m tests.soak.soak --events 1000000 --seconds 1800 --seed $(SEED) $(ARGS)

docs: $(VENV)/.test  ## write the generated pages, build them into site/, then check all of them
	$(BIN)/python scripts/build_reference.py
	$(BIN)/python scripts/build_site.py site
	$(BIN)/python -m pytest -q tests/test_docs.py tests/integration/test_site.py $(ARGS)

kafka: $(VENV)/.test  ## run a Kafka broker on 127.0.0.1:9092 until Ctrl-C (needs Java and Maven)
	@$(BIN)/python -m tests.kafka.broker

clean:  ## remove .venv, caches and builds
	rm -rf $(VENV) .kafka build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf engine/*.egg-info plugins/*/src/*.egg-info
	find engine tests plugins -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a setup is done once, and again when pyproject.toml has changed.
$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Sluice needs Python 3.11 or newer, and there is no '$(PYTHON)' here." \
			"Install Python, or say where it is: make setup PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Sluice needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1)." \
			"Say where a newer one is: make setup PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Sluice needs Python's venv module, and '$(PYTHON)' comes without it." \
			"Install it (on Debian: python3-venv)." >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.base: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.test: pyproject.toml plugins/sluice-geo/pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install -q -e '.[test]' -e plugins/sluice-geo
	@touch $(VENV)/.base $@
