# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FIDELITY ?= .venv-fidelity
EPOCHS ?= 30
RUNS ?= runs

# Headers and library for the C++ client, whose tests want ONNXRUNTIME_ROOT set to it.
ONNXRUNTIME := .onnxruntime
PYTEST := -m pytest -n 2 --dist worksteal
# For all of them, `-x` for example.
PYTEST_OPTIONS ?=

.PHONY: demo test test-fidelity test-large onnxruntime-cpp lint format readme clean

demo: $(VENV)/.installed
	$(BIN)/keras-gans train cdcgan_fashion --epochs $(EPOCHS) --sheet-every 5 --runs-dir $(RUNS)
	$(BIN)/keras-gans export $$(ls -d $(RUNS)/*-cdcgan-fashion | tail -n 1)

# In two parts, since a process keeps the graphs of all models it has trained: gigabytes.
test: $(VENV)/.installed-dev
	$(BIN)/python $(PYTEST) -m "not large" $(PYTEST_OPTIONS) tests/test_*.py; first=$$?; \
	$(BIN)/python $(PYTEST) -m "not large" $(PYTEST_OPTIONS) tests --ignore-glob="tests/test_*.py" \
	&& exit $$first

test-large: $(VENV)/.installed-dev
	$(BIN)/python $(PYTEST) -m large $(PYTEST_OPTIONS)

# In one process, since TensorFlow and PyTorch each take all cores.
test-fidelity: $(FIDELITY)/.installed
	$(FIDELITY)/bin/python -m pytest -m fidelity --require-references $(PYTEST_OPTIONS)

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
	rm -rf $(VENV) $(FIDELITY) $(ONNXRUNTIME) build dist *.egg-info

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

# Asks a Python for the folder of its packages.
PACKAGES := python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'

# PyTorch and the other packages that tests compare with stay out of $(VENV), which shows that the
# library does without them. All else is taken from there: nothing is installed twice, and the tests
# see the very same Keras. `-m venv` gives no pip, since that of $(VENV) will do.
$(FIDELITY)/.installed: $(VENV)/.installed-dev tests/fidelity-requirements.txt
	rm -rf $(FIDELITY)
	$(BIN)/python -m venv --without-pip $(FIDELITY)
	echo "import site; site.addsitedir('$$($(BIN)/$(PACKAGES))')" \
	  > "$$($(FIDELITY)/bin/$(PACKAGES))/all-else.pth"
	$(FIDELITY)/bin/python -m pip install --quiet --no-deps \
	  --requirement tests/fidelity-requirements.txt
	touch $@

$(ONNXRUNTIME)/.laid-out: $(VENV)/.installed-dev tools/onnxruntime_for_cpp.py
	$(BIN)/python tools/onnxruntime_for_cpp.py $(ONNXRUNTIME)
	touch $@
