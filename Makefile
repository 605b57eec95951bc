# Two commands do everything on a machine with Python 3.11+, a C compiler and make:
#   make demo    sets up .venv and runs the main job on a made-up exam
#   make test    sets up .venv and runs the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KERNELS := engine/_core.pyx engine/_irt.pyx engine/_recommend.pyx engine/_tracing.pyx omr/_bubbles.pyx omr/_glance.pyx

.PHONY: demo test lint clean

demo: $(STAMP)
	rm -rf demo-exam
	$(BIN)/yuejuan demo demo-exam

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --maxprocesses 4

# cython-lint calls pycodestyle by name.
lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint $(KERNELS)
	$(BIN)/mypy

# Installed in place: the code that runs is the code in this folder.
$(STAMP): pyproject.toml setup.py $(KERNELS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.egg-info demo-exam
	rm -f engine/_core.c engine/_core.*.so engine/_irt.c engine/_irt.*.so engine/_recommend.c engine/_recommend.*.so engine/_tracing.c engine/_tracing.*.so omr/_bubbles.c omr/_bubbles.*.so omr/_glance.c omr/_glance.*.so
