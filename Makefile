.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
PEERS := .accuracy/venv

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed  ## .venv with pricecast and everything its tests need, by hash

$(VENV)/.installed: $(LOCK) pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 15), "pricecast needs Python 3.11 to 3.14, this is " + sys.version'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate

lock:  ## write requirements/*.txt again from pyproject.toml (needs uv)
	$(COMPILE) pyproject.toml --group dev -o $(LOCK)
	$(COMPILE) --group pyproject.toml:peers -o requirements/peers.txt

demo: setup  ## 50 products in Dagster, one changed, only that one computed; ONCE=1 ends by itself
	$(BIN)/python -m examples.demo $(if $(ONCE),--once)

test: setup  ## all tests but the slow ones (e2e, accuracy, proofs, loop)
	$(BIN)/pytest -n 2 -m "not e2e and not accuracy and not proof and not loop"

e2e: setup  ## tests with real Dagster processes
	$(BIN)/pytest -m e2e

browser:  ## Debian's Chromium, with which e2e and proof-platform read pages as a person does; asks apt-get, wants root
	test -x /usr/bin/chromium || { apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; }

proofs: setup  ## 200 random histories against a count of what should be recomputed, and why; SEED=0 plays the same ones again
	$(BIN)/pytest -n 0 -s -m proof $(if $(SEED),--hypothesis-seed=$(SEED))

proof-platform: setup  ## a retailer's weeks before real Dagster processes and a browser, counted; PRODUCTS=500 DATABASE=sqlite
	$(BIN)/python -m pricecast_dagster_tests.proofs.scenario --products $(or $(PRODUCTS),500) --database $(or $(DATABASE),sqlite)

accuracy: setup $(PEERS)/.installed  ## forecasts beside simple methods and peers on real and generated sets: the tables, and what must hold
	$(BIN)/pytest -m accuracy
	$(BIN)/python -m benchmarks.accuracy --peers $(PEERS)/bin/python --out .accuracy/tables.md; told=$$?; \
	$(BIN)/python -m benchmarks.accuracy --horizon 60 --out .accuracy/tables-60.md && exit $$told

$(PEERS)/.installed: requirements/peers.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/peers.txt
	touch $@

loop: setup  ## tests of the learning loop that take minutes
	$(BIN)/pytest -m loop

policies: setup  ## when to look for new recipes: policies compared on a retailer with known troubles; twenty minutes
	$(BIN)/python -m benchmarks.policies --minutes 30

lint: setup  ## ruff, its format, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## mypy --strict
	$(BIN)/mypy

bench: setup  ## every benchmark, each against a peer or a floor in the same run
	for file in benchmarks/[a-z]*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || exit 1; done

.PHONY: help setup lock demo test e2e browser proofs proof-platform accuracy loop policies lint types bench
