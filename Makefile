# Every target sets up .venv by itself: python3 >= 3.11 and a C++ compiler are all it needs.
# Python edits need no reinstall; kernel edits trigger a rebuild.

PYTHON3 ?= python3
CXX := $(if $(filter default,$(origin CXX)),c++,$(CXX))
VENV := .venv
BIN := $(VENV)/bin
# the editable install has to know each package
BUILT := CMakeLists.txt $(wildcard src/kernels/*) $(wildcard src/trueup/*/__init__.py)
# two makes at once: the second waits for the set-up of the first
LOCK := $(shell command -v flock >/dev/null 2>&1 && echo flock .make.lock)
SETUP = @$(LOCK) $(MAKE) --no-print-directory --silent

ifneq ($(shell $(PYTHON3) -c 'import sys, ensurepip; print(sys.version_info >= (3, 11))' 2>/dev/null),True)
$(error trueup needs Python 3.11 or newer with venv: install python3 and python3-venv, or set PYTHON3)
endif
ifeq ($(shell command -v $(firstword $(CXX)) 2>/dev/null),)
$(error trueup needs a C++ compiler: install g++ or clang ("apt install g++", "xcode-select --install"), or set CXX)
endif

.PHONY: all setup dev demo test lint format docs bench bench-full stubs clean

all: dev

# what a user needs
setup:
	$(SETUP) $(VENV)/.installed

# what a developer needs: the tools and the peers the tests compare with
dev:
	$(SETUP) $(VENV)/.dev $(VENV)/.installed

demo: setup
	$(BIN)/trueup demo $(DIR)

test: dev
	$(BIN)/python -m pytest $(ARGS)

lint: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# build/docs/html/index.html; a warning is an error, and so is a link that leads nowhere
docs: setup
	$(SETUP) $(VENV)/.docs
	$(BIN)/python -m sphinx --builder html -W --keep-going --quiet docs build/docs/html

bench: dev
	$(BIN)/python bench/run.py
	$(BIN)/python bench/archive.py

bench-full: dev
	$(BIN)/python bench/run.py --full

# the committed type stub of the compiled module
stubs: dev
	$(BIN)/python -m nanobind.stubgen -m trueup._kernels -o src/trueup/_kernels.pyi

clean:
	rm -rf build docs/reference/generated docs/reference/commands $(VENV)

$(VENV)/.tools:
	$(PYTHON3) -m venv $(VENV)
	$(BIN)/pip install -qq --upgrade pip  # older resolvers take minutes over the peers
	$(BIN)/pip install -qq --upgrade scikit-build-core nanobind cmake ninja
	touch $@

$(VENV)/.installed: pyproject.toml $(BUILT) $(VENV)/.tools
	CXX="$(CXX)" $(BIN)/pip install -qq --no-build-isolation --editable .
	touch $@

# not as extras of the editable install: some peers build only in isolation, the kernels only without
$(VENV)/.dev: pyproject.toml $(VENV)/.tools
	$(BIN)/python -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	  print(*extras["dev"], *extras["peers"], *extras["archive"], sep="\n")' > $(VENV)/dev.txt
	$(BIN)/pip install -qq -r $(VENV)/dev.txt
	touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.tools
	$(BIN)/python -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	  print(*extras["docs"], *extras["archive"], sep="\n")' > $(VENV)/docs.txt
	$(BIN)/pip install -qq -r $(VENV)/docs.txt
	touch $@
