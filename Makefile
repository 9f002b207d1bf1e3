# The commands that people and scripts rely on. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
DATA ?=
OUT ?= out
ARGS ?=
BIN := $(VENV)/bin
PROTOS := $(shell cd proto && find . -name '*.proto' | sed 's|^\./||' | sort)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The extra "backbones", less torchvision, which its package declares and these networks do not need.
INSTALL_BACKBONES := $(PIP_INSTALL) --no-deps pytorchcv

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-unit test-real test-full lint format proto chart clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.local  ## the whole pipeline on DATA=folder (default: made-up images); writes OUT/report.html
	$(BIN)/synthoscope demo $(if $(DATA),--data $(DATA)) --out $(OUT)

up: $(VENV)/.local  ## start the local stack
	$(BIN)/synthoscope up

down: $(VENV)/.local  ## stop the local stack
	$(BIN)/synthoscope down

test: test-unit test-real  ## all tests but the long proofs

test-unit: $(VENV)/.dev  ## the tests that start no server and train nothing for long
	$(BIN)/pytest -m "not stack and not training and not slow" --numprocesses auto --maxprocesses 4 --durations=5

test-real: $(VENV)/.dev  ## the tests with real servers and real training
	$(BIN)/pytest -m "(stack or training) and not slow" --durations=5 tests/e2e
	$(BIN)/pytest -m "(stack or training) and not slow" --durations=5 --ignore tests/e2e

test-full: test  ## adds the long proofs; prints how long each takes
	$(BIN)/pytest -m slow --durations=0 --timeout 3600

bench-%: $(VENV)/.dev
	$(BIN)/python -m benchmarks.$* $(ARGS)

lint: $(VENV)/.dev  ## style, types, import rules, contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against '.git#ref=HEAD,subdir=proto'

format: $(VENV)/.dev  ## reformat the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

proto: $(VENV)/.dev  ## regenerate libs/synthoscope/api from proto/
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against '.git#ref=HEAD,subdir=proto'
	$(BIN)/python -m grpc_tools.protoc -I proto --python_out=libs --pyi_out=libs $(PROTOS)
	$(BIN)/python -m grpc_tools.protoc -I proto --grpc_python_out=libs $(filter %_service.proto,$(PROTOS))

chart: $(VENV)/.dev  ## write the chart's README and schema from its values; render it and check what comes of it
	$(BIN)/python charts/documentation.py
	$(BIN)/pytest tests/charts --durations=5

clean:  ## remove the virtual environments and what the demo wrote
	rm -rf $(VENV) .peers $(OUT)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Synthoscope needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[local]'
	$(INSTALL_BACKBONES)
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[dev]'
	$(INSTALL_BACKBONES)
	touch $@
