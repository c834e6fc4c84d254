# Everything runs in .venv, which `make setup` makes from requirements.lock; no target needs an activated one.

VENV := .venv
BIN := $(VENV)/bin
# The stamp is named after what was installed, so a changed lock file means a new setup, and nothing else does.
STAMP := $(VENV)/.setup-$(shell cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1)
FIND_UV := uv=$$(command -v uv || echo $(BIN)/uv)
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full lint lock audit ui clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with every dependency, checked against requirements.lock.

$(STAMP):
	@set -eu; \
	supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; \
	if [ -x $(BIN)/python ] && ! $(BIN)/python -c "$$supported"; then \
		echo "setup: $(VENV) has $$($(BIN)/python --version); remove the folder $(VENV) and run make again." >&2; exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ]; then \
		found=; \
		for candidate in python3.11 python3.12 python3.13 python3 python; do \
			if "$$candidate" -c "$$supported" 2>/dev/null; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "setup: no Python 3.11, 3.12 or 3.13 on the PATH; install one of them and run make again." >&2; exit 1; \
		fi; \
		echo "setup: making $(VENV) with $$found ($$("$$found" --version))"; \
		"$$found" -m venv $(VENV) || { rm -rf $(VENV); uv venv --python "$$found" $(VENV); } || { \
			rm -rf $(VENV); \
			echo "setup: $$found cannot make a virtual environment; install its venv module (Debian: python3-venv)." >&2; \
			exit 1; \
		}; \
	fi; \
	$(FIND_UV); \
	if [ ! -x "$$uv" ]; then \
		echo "setup: installing uv into $(VENV)"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check uv; \
	fi; \
	echo "setup: installing the locked dependencies (about 3.5 GB on disk; minutes when nothing is cached)"; \
	"$$uv" pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
	echo "setup: installing this project"; \
	"$$uv" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	rm -f $(VENV)/.setup-*; \
	touch $@; \
	echo "setup: done"

demo: setup  ## Simulate data, fit it, and write the report and tables: the whole graph, small.
	$(BIN)/mmm run --config config/examples/demo.yaml

test: lint  ## All checks: lint, types, import order, tests.
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not full" $(PYTEST_ARGS)

test-full: lint  ## The same with the full-size statistical tests.
	$(BIN)/pytest $(PYTEST_ARGS)

lint: setup  ## Ruff, mypy and the import order.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# That of the image is the same without the extra dev, but for hatchling, which installs the project there.
EXTRAS = import tomllib; print(*(f'--extra {e}' for e in tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies'] if e != 'dev'))

lock:  ## Write requirements.lock and deploy/requirements.lock anew from pyproject.toml (LOCK_ARGS=--upgrade for newer versions).
	@set -eu; $(FIND_UV); \
	if [ ! -x "$$uv" ]; then echo "lock: uv is not installed; run make setup first." >&2; exit 1; fi; \
	"$$uv" pip compile pyproject.toml --all-extras --universal --generate-hashes --python-version 3.11 \
		--no-emit-index-url -o requirements.lock --quiet $(LOCK_ARGS); \
	extras=$$($(BIN)/python -c "$(EXTRAS)"); \
	echo hatchling | "$$uv" pip compile pyproject.toml - $$extras --constraints requirements.lock --universal \
		--generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		-o deploy/requirements.lock --quiet

audit: setup  ## Known vulnerabilities of the locked dependencies; needs the public package index (docs/security.md).
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off $(AUDIT_ARGS)

ui: setup  ## Open Dagster.
	$(BIN)/mmm ui

clean:  ## Remove caches and build output (not .venv, not stored results).
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find mmm_core mmm_assets tests -name __pycache__ -type d -prune -exec rm -rf {} +
