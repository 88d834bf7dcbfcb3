# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EPOCHS ?= 30
RUNS ?= runs

.PHONY: demo test test-large lint format readme clean

demo: $(VENV)/.installed
	$(BIN)/keras-gans train cdcgan_fashion --epochs $(EPOCHS) --sheet-every 5 --runs-dir $(RUNS)
	$(BIN)/keras-gans export $$(ls -d $(RUNS)/*-cdcgan-fashion | tail -n 1)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not large"

test-large: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m large $(PYTEST_OPTIONS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python zoo/table.py --check

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

readme: $(VENV)/.installed-dev
	$(BIN)/python zoo/table.py

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
