# `make demo`, `make test` and `make docs` do everything on a fresh machine: they create .venv and install into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs pictures wheel clean
demo: $(VENV)/installed
	$(BIN)/idpro demo --output out/demo

test: $(VENV)/installed lint
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/installed
	$(BIN)/ruff check src tests examples
	$(BIN)/ruff format --check src tests examples
	$(BIN)/mypy

docs: $(VENV)/docs
	$(BIN)/mkdocs build --strict

pictures: $(VENV)/installed  # of the docs and of the gallery of examples
	cd tests && ../$(BIN)/python -m web.screenshots ../docs/pictures
	$(BIN)/python examples/gallery.py

wheel:
	.ci/wheel $(PYTHON)

$(VENV)/docs: $(VENV)/installed
	$(BIN)/pip install --constraint constraints.txt --editable '.[docs]'
	touch $@

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --constraint constraints.txt --editable '.[dev,demo]'
	touch $@

clean:
	rm -rf $(VENV) out build dist site
