# One door. Needs Python 3.11 or newer and make; everything else goes into .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Hosts and workers start by the hundred here: without compiled modules each start costs twice as much.
unexport PYTHONDONTWRITEBYTECODE

# Set PYTHON to choose an interpreter: make setup PYTHON=python3.13. One of another version than .venv has
# gets an environment of its own, .venv-3.13, so that make test PYTHON=python3.13 leaves .venv alone.
PYTHON ?=
VENV  := $(if $(PYTHON),$(or $(shell "$(PYTHON)" tests/environment.py 2>/dev/null),$(error \
    PYTHON=$(PYTHON) is no Python of 3.11 or newer. Hint: name one that starts, such as python3.13)),.venv)
PY    := $(VENV)/bin/python
STAMP := $(VENV)/ready
BUILT := src/codemode/engine/built/launcher
CODE  := $(wildcard src conformance tests examples bench evaluation build_worker.py hatch_build.py)

PYTEST_ARGS ?=
COVERAGE ?=
BENCH_ARGS ?=
ADAPTERS_ARGS ?=
FLEET_ARGS ?=
HOSTILE_ARGS ?=

.PHONY: help
help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 19

.PHONY: setup
setup: $(STAMP) $(BUILT) ## make .venv with codemode and its tools in it (quick when nothing has changed)
	@:

.PHONY: demo
demo: $(STAMP) $(BUILT) ## run the example: a model's program over this repository
	@$(PY) examples/demo.py

.PHONY: test
test: $(STAMP) $(BUILT) ## run the tests, several at once; PYTEST_ARGS="-k name" for some; COVERAGE=1; LOAD=2 beside busy loops
	@$(if $(LOAD),$(PY) -m tests.load $(LOAD) --) $(PY) -m pytest -n auto --dist loadgroup --max-worker-restart=0 --durations=15 \
	    $(if $(COVERAGE),--cov --cov-report=) $(PYTEST_ARGS)
	@$(if $(COVERAGE),$(PY) -m tests.coverage)

.PHONY: test-pythons
test-pythons: $(STAMP) ## run the tests on each Python from 3.11 to 3.14 that is found, one after another
	@$(PY) -m tests.pythons $(PYTHONS)

.PHONY: fuzz
fuzz: SECONDS ?= 60
fuzz: $(STAMP) $(BUILT) ## fuzz the decoders, SECONDS=60 for all together; TARGETS="frames records" for some
	@$(PY) -c 'import atheris' 2>/dev/null || \
	$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["fuzz"], sep="\n")' \
	| $(PY) -m pip install -qq --only-binary :all: -r /dev/stdin || true  # without it, tests.fuzz says so
	@$(PY) -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

.PHONY: hostile
hostile: $(STAMP) $(BUILT) ## run the hostile programs on every route; HOSTILE_ARGS="E/loop F" runs some
	@$(PY) -m tests.hostile $(HOSTILE_ARGS)

.PHONY: conformance
conformance: $(STAMP) $(BUILT) ## compare our host with the published one; fetches it when needed (167 MB)
	@$(PY) -m tests.conformance
	@$(PY) -m pytest -n auto --dist loadgroup --max-worker-restart=0 --published -m published

.PHONY: durable
durable: PROGRAMS ?= 1000
durable: $(STAMP) $(BUILT) ## cut random programs anywhere and go on with them until they end; PROGRAMS=1000
	@$(PY) -m tests.durable --programs $(PROGRAMS)

.PHONY: adapters
adapters: $(STAMP) ## try the adapters with the real frameworks, in environments of their own; prints a table; ADAPTERS_ARGS="-k limit" for some
	@$(PY) -m tests.adapters.frameworks $(ADAPTERS_ARGS)

.PHONY: fleet
fleet: $(VENV)-fleet/ready $(BUILT) ## kill, stop, drain and add hosts under 60 sessions, Ray among them; FLEET_ARGS="list ray/kill" for some
	@$(VENV)-fleet/bin/python -m tests.fleet $(FLEET_ARGS)

.PHONY: docs
docs: $(VENV)-docs/ready ## build the documentation site into out/site, and check every link
	@$(MKDOCS) build  # not --quiet: that hides warnings, and then --strict counts none
	@echo 'open out/site/index.html'

.PHONY: docs-serve
docs-serve: DOCS_ADDRESS ?= 127.0.0.1:8000
docs-serve: $(VENV)-docs/ready ## show the site at DOCS_ADDRESS (127.0.0.1:8000), and again when a page changes
	@$(MKDOCS) serve --dev-addr $(DOCS_ADDRESS)

.PHONY: check
check: $(STAMP) ## lint, format, types, layers
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m mypy $(CODE)
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: fix
fix: $(STAMP) ## repair what ruff can repair
	@$(PY) -m ruff check --fix $(CODE)
	@$(PY) -m ruff format $(CODE)

.PHONY: soak
soak: SECONDS ?= 60
soak: CELLS ?= 10000
soak: $(STAMP) $(BUILT) ## random faults against a model, then CELLS=10000 through one session; SECONDS=60, SEED=n
	@$(PY) -m tests.soak --seconds $(SECONDS) --cells $(CELLS) $(if $(SEED),--seed $(SEED))

.PHONY: bench
bench: $(STAMP) $(BUILT) ## measure speed and memory; BENCH_ARGS goes to the benchmark; BEFORE=rev compares with that tree
	@$(PY) -m $(if $(BEFORE),bench.before $(BEFORE),bench) $(BENCH_ARGS)

.PHONY: native-test
native-test: $(STAMP) $(BUILT) ## run the worker under AddressSanitizer and UBSan; needs a compiler that has them
	@$(PY) -m tests.engine.sanitized
	@if command -v cppcheck >/dev/null; then \
	    cppcheck --quiet --std=c++20 --enable=warning,portability --inline-suppr --error-exitcode=1 src/codemode/engine/worker; \
	else echo 'cppcheck is not here: not run'; fi

.PHONY: engine-check
engine-check: $(STAMP) $(BUILT) ## say what differs for the worker in another release: VERSION=0.13.2 of mini-racer
	@$(PY) -m tests.engine.check_v8 $(or $(VERSION),0.14.1)

.PHONY: cross
cross: $(STAMP) ## build the worker for every platform of a wheel into out/cross, as far as the link
	@$(PY) -c 'import ziglang' 2>/dev/null \
	|| $(PY) -m pip install -qq "$$($(PY) -c 'import build_worker; print(build_worker.ZIG)')"
	@for target in x86_64-linux aarch64-linux arm64-macos; do \
	    $(PY) build_worker.py --target "$$target" "out/cross/$$target" || exit 1; \
	    ls -l "out/cross/$$target"; \
	done

.PHONY: bench-hosts
bench-hosts: TRANSPORT ?= stdio
bench-hosts: $(STAMP) $(BUILT) ## compare our host's speed with the published one's; fetches it when needed
	@oracle="$$($(PY) -m tests.conformance.package)" && \
	$(PY) -m bench.hosts --transport $(TRANSPORT) --oracle "$$oracle" $(BENCH_ARGS)

.PHONY: evaluation-setup
evaluation-setup: $(VENV)/evaluation ## add what the evaluation needs to .venv
	@:

.PHONY: evaluation
evaluation: $(VENV)/evaluation ## does code mode pay? Runs everything and renews docs/evaluation.md (3 minutes)
	@$(PY) -m evaluation all

.PHONY: evaluation-check
evaluation-check: $(VENV)/evaluation ## the part of it that fails when a figure moves (half a minute)
	@$(PY) -m evaluation check

.PHONY: clean
clean: ## remove everything that make has made
	@rm -rf .venv .venv-* build dist out/site src/codemode/engine/built out/fuzz .hypothesis .coverage .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The worker, when its sources have changed since it was built.
$(BUILT): build_worker.py $(wildcard src/codemode/engine/worker/* src/codemode/engine/prelude/*) | $(STAMP)
	@$(PY) -c 'import build_worker, sys; sys.exit(build_worker.system_compiler() is None)' \
	|| $(PY) -c 'import ziglang' 2>/dev/null \
	|| $(PY) -m pip install -qq "$$($(PY) -c 'import build_worker; print(build_worker.ZIG)')"
	@$(PY) build_worker.py

# The site's generator has an environment of its own: .venv does not grow by it.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs

$(VENV)-docs/ready: pyproject.toml | $(STAMP)
	@test -x $(VENV)-docs/bin/python || $(PY) -m venv $(VENV)-docs
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["docs"], sep="\n")' \
	| $(VENV)-docs/bin/python -m pip install -qq --disable-pip-version-check -r /dev/stdin
	@touch $@

$(VENV)/evaluation: $(STAMP) evaluation/requirements.txt evaluation/requirements-deps.txt
	@$(PY) -m pip install -qq -r evaluation/requirements-deps.txt
	@$(PY) -m pip install -qq --no-deps -r evaluation/requirements.txt
	@touch $@

# Ray brings 85 packages: an environment of its own.
$(VENV)-fleet/ready: pyproject.toml | $(STAMP)
	@test -x $(VENV)-fleet/bin/python || $(PY) -m venv --without-pip $(VENV)-fleet
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["fleet"], sep="\n")' > $(VENV)-fleet/fleet.txt
	@$(PY) -m pip --python $(VENV)-fleet/bin/python install -qq -e '.[grpc]' -r $(VENV)-fleet/fleet.txt
	@touch $@

# An interrupted setup leaves no stamp, and the next one goes on where it can.
$(STAMP): pyproject.toml conformance/pyproject.toml
	@set -eu; \
	fail() { printf '%s\n' "$$@" >&2; exit 1; }; \
	is_new() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	if ! { is_new $(PY) && $(PY) -m pip --version >/dev/null 2>&1; }; then \
	    found=''; \
	    for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	        if is_new "$$python"; then found="$$python"; break; fi; \
	    done; \
	    test -n "$$found" || fail \
	        'codemode needs Python 3.11 or newer, and found none$(if $(PYTHON), at $(PYTHON)).' \
	        'hint: install one, or name it: make setup PYTHON=/path/to/python3.11'; \
	    if "$$found" -c 'import ensurepip' 2>/dev/null; then \
	        "$$found" -m venv $(VENV); \
	    elif "$$found" -m pip --version >/dev/null 2>&1; then \
	        "$$found" -m venv --without-pip $(VENV); \
	        "$$found" -m pip --python $(PY) install -qq pip; \
	    else fail \
	        "$$("$$found" --version) at $$(command -v "$$found") cannot make a virtual environment." \
	        'hint: on Debian and Ubuntu: apt install python3-venv'; \
	    fi; \
	fi; \
	began=$$(date +%s); \
	test ! -t 2 || echo 'setting up .venv: fetching what codemode is run and tested with …' >&2; \
	export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.txt; \
	$(PY) -m pip install -qq -e '.[grpc]' -e ./conformance -r $(VENV)/dev.txt; \
	test ! -t 2 || echo ".venv is ready, after $$(($$(date +%s) - began)) s" >&2; \
	touch $@
