PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test check bench clean

demo: $(READY)
	$(BIN)/python examples/creer_une_facture.py demo

test: $(READY)
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/pytest --cov -m 'not no_cover'
	$(BIN)/sphinx-build -qW --keep-going -b html docs docs/_build
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/wheel_alone.py dist

bench: $(READY)
	for row in importing tokens pages amounts dates addresses forms creating reading creating_in_postgres numbering growing records importing_records letters delivering limits; do $(BIN)/python benchmarks/$$row.py || exit 1; done

clean:
	rm -rf .venv build demo dist docs/_build

$(READY): pyproject.toml hatch_build.py requirements-dev.txt $(wildcard src/indiopay/locales/*/*/*.po)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "indiopay needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
