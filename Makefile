# Every target works on a fresh machine that has make and a Python >= 3.11, and nothing else:
# it first makes the environment it needs. `make` alone lists the targets.
#
#   PYTHON=/path/to/python   the interpreter to make environments with
#   ARGS="…"                 passed on by demo, gallery, test, test-long,
#                            test-clients, bench and bench-s3

# The first interpreter that is new enough. Recursive on purpose: looked for only when an
# environment has to be made.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
ARGS ?=

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo gallery test test-long test-clients check format bench bench-s3 docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv-demo/.installed ## run the quickstart in a temporary directory
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cd "$$dir" \
	&& PATH="$(CURDIR)/.venv-demo/bin:$$PATH" python "$(CURDIR)/examples/quickstart.py" $(ARGS)

gallery: .venv-gallery/.installed ## log one of each kind of media in a temporary directory
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cd "$$dir" \
	&& PATH="$(CURDIR)/.venv-gallery/bin:$$PATH" python "$(CURDIR)/examples/gallery.py" $(ARGS)

test: .venv/.installed ## run the tests, without the long ones
	$(BIN)/pytest -n 2 -m "not long" $(ARGS)

test-long: .venv/.installed ## run all tests, crash and scale too, with many more generated cases
	$(BIN)/pytest -n 2 --hypothesis-profile=long --timeout=3600 -o faulthandler_timeout=3540 $(ARGS)

test-clients: .venv-clients/.installed ## run training libraries with their callbacks for W&B
	.venv-clients/bin/pytest tests/clients $(ARGS)

check: .venv/.installed ## lint, format, types, layers, docs and the wheel; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_docs.py
	$(BIN)/python scripts/check_wheel.py

format: .venv/.installed ## format the code and apply the fixes that are safe
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: .venv/.installed ## run the benchmarks, for example: make bench ARGS="--help"
	$(BIN)/python -m benchmarks $(ARGS)

bench-s3: .venv/.installed ## run the benchmarks over an S3 server
	$(BIN)/python -m benchmarks s3 $(ARGS)

docs: .venv/.installed ## regenerate the generated pages of the documentation
	$(BIN)/python scripts/generate_docs.py

clean: ## remove environments, caches and build output
	rm -rf .venv .venv-clients .venv-demo .venv-gallery .bench-venvs build dist *.egg-info \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# The environments. An editable install must be in compat mode: that makes it an entry on the path.
# The other modes make it an import hook, and to a hook a folder named artifacts/ in the working
# directory is preferred. Installing again is quick when nothing changed, so a newer pyproject.toml
# updates the environment in place.
.venv/.installed: EXTRA := dev
.venv-demo/.installed: EXTRA := demo
.venv-gallery/.installed: EXTRA := gallery
.venv-clients/.installed: EXTRA := tensorboard
.venv-clients/.installed: WITH := --requirement tests/clients/requirements.txt
.venv-clients/.installed: tests/clients/requirements.txt
.venv/.installed .venv-clients/.installed .venv-demo/.installed .venv-gallery/.installed: pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python' >&2; exit 1; }
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[$(EXTRA)]' --config-settings editable_mode=compat $(WITH)
	@touch $@
