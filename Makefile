# Every target is one line of work; `make` alone lists them.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_DIR ?= .data/demo
SNMP_SOAK_S ?= 3600

.PHONY: help run test check format lint imports types tests schema golden bench e2e soak docs clean

help: ## list the targets
	@grep -hE '^[a-z][a-z0-9]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(VENV)/.run ## set up, start the demo site, discover it, serve it
	@$(BIN)/cmdb demo --data-dir $(DEMO_DIR) $(DEMO_ARGS)

test: $(VENV)/.dev ## set up and run the tests
	@$(BIN)/pytest -m "not e2e"

check: $(VENV)/.dev format lint imports types tests schema ## what CI runs: format, lint, import contracts, types, tests, schema drift

format: $(VENV)/.dev ## is everything formatted?
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## ruff
	@$(BIN)/ruff check .

imports: $(VENV)/.dev ## do imports point one way?
	@PYTHONPATH=.:graphql $(BIN)/lint-imports

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

tests: $(VENV)/.dev
	@$(BIN)/pytest -m "not e2e" $(PYTEST_ARGS)

schema: $(VENV)/.dev ## do generated files say what the code says?
	@$(BIN)/python -m cmdb_graphql.export --check
	@$(BIN)/python -m cmdb.model.document --check
	@$(BIN)/python -m cmdb.entrypoints.document --check

docs: $(VENV)/.dev ## write the generated files anew
	@$(BIN)/python -m cmdb_graphql.export --write
	@$(BIN)/python -m cmdb.model.document --write
	@$(BIN)/python -m cmdb.entrypoints.document --write

golden: $(VENV)/.dev ## write the expected answers of the golden tests anew; read the diff
	@$(BIN)/pytest tests/unit/test_profiles.py tests/unit/test_hosts_golden.py tests/unit/test_links_golden.py tests/unit/test_snmp_redundancy.py --update-golden

bench: $(VENV)/.bench ## measure, beside a floor or a peer in the same run
	@for b in tests/bench/bench_*.py; do echo "== $$b"; PYTHONPATH=.:graphql $(BIN)/python $$b || exit 1; done

e2e: $(VENV)/.dev ## real agents, kills, whole program
	@$(BIN)/pytest -m e2e $(PYTEST_ARGS)

soak: $(VENV)/.dev ## the random tests at their full length: hours
	@IMPACT_ESTATES=20000 $(BIN)/pytest tests/impact
	@FUZZ_EXAMPLES=5000 $(BIN)/pytest tests/api/test_fuzz.py
	@IDENTITY_CASES=10000 $(BIN)/pytest tests/unit/test_undo.py tests/contracts/test_decisions.py -k "trace or again or identity"
	@PAST_CASES=1000 PAST_MIXED=1000 $(BIN)/pytest tests/contracts/test_past.py -k any_
	@ORDER_CASES=10000 $(BIN)/pytest tests/unit/test_ageing.py
	@KILLS=200 $(BIN)/pytest tests/e2e/test_kill.py tests/e2e/test_kill_mixed.py
	@RECORDING_BYTES=1000000 $(BIN)/pytest tests/unit/test_snmp_transport_reference.py
	@DECODER_EXAMPLES=20000 $(BIN)/pytest tests/unit/test_snmp_transport_fuzz.py tests/unit/test_snmp_transport_ber.py
	@SNMP_SOAK_S=$(SNMP_SOAK_S) $(BIN)/pytest -s tests/unit/test_snmp_transport_storm.py

clean: ## remove what the targets made
	@rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found: install one, or say make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml
	@echo "installing into $(VENV) …" >&2; $(BIN)/python -m pip install --quiet --disable-pip-version-check -e . && touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	@echo "installing with test tools into $(VENV) …" >&2; $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,fast]' && touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,fast,bench]' && touch $@
