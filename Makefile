# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EPOCHS ?= 30
RUNS ?= runs

# Headers and library for the C++ client, whose tests want ONNXRUNTIME_ROOT set to it.
ONNXRUNTIME := .onnxruntime
PYTEST := -m pytest -n 2 --dist worksteal
# For all of them, `-x` for example.
PYTEST_OPTIONS ?=

.PHONY: demo test test-large onnxruntime-cpp lint format readme clean

demo: $(VENV)/.installed
	$(BIN)/keras-gans train cdcgan_fashion --epochs $(EPOCHS) --sheet-every 5 --runs-dir $(RUNS)
	$(BIN)/keras-gans export $$(ls -d $(RUNS)/*-cdcgan-fashion | tail -n 1)

test: $(VENV)/.installed-dev
	$(BIN)/python $(PYTEST) -m "not large" $(PYTEST_OPTIONS)

test-large: $(VENV)/.installed-dev
	$(BIN)/python $(PYTEST) -m large $(PYTEST_OPTIONS)

onnxruntime-cpp: $(ONNXRUNTIME)/.laid-out

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
	rm -rf $(VENV) $(ONNXRUNTIME) build dist *.egg-info

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

$(ONNXRUNTIME)/.laid-out: $(VENV)/.installed-dev tools/onnxruntime_for_cpp.py
	$(BIN)/python tools/onnxruntime_for_cpp.py $(ONNXRUNTIME)
	touch $@
