.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed  ## .venv with pricecast and everything its tests need, by hash

$(VENV)/.installed: $(LOCK) pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 15), "pricecast needs Python 3.11 to 3.14, this is " + sys.version'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lock:  ## write requirements/dev.txt again from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate pyproject.toml --group dev -o $(LOCK)

demo: setup  ## 50 products in Dagster, one changed, only that one computed; ONCE=1 ends by itself
	$(BIN)/python -m examples.demo $(if $(ONCE),--once)

test: setup  ## all tests but the slow ones (e2e, accuracy)
	$(BIN)/pytest -n 2 -m "not e2e and not accuracy and not loop"

e2e: setup  ## tests with real Dagster processes
	$(BIN)/pytest -m e2e

accuracy: setup  ## tests that measure forecasts on real data, where it lies beside the checkout
	$(BIN)/pytest -m accuracy

loop: setup  ## tests of the learning loop that take minutes
	$(BIN)/pytest -m loop

policies: setup  ## when to look for new recipes: policies compared on a retailer with known troubles
	$(BIN)/python -m benchmarks.policies --products 300 --compared 24 --daily 4

lint: setup  ## ruff, its format, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## mypy --strict
	$(BIN)/mypy

bench: setup  ## every benchmark, each against a peer or a floor in the same run
	for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

.PHONY: help setup lock demo test e2e accuracy loop policies lint types bench
