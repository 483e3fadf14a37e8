# `make demo` shows it, `make test` tests it; each sets up all it needs.
PYTHON ?= python3
ENV := .venv/bin/dlstream-env
PACKAGES := dlstream dlstream_camera dlstream_common dlstream_experiment dlstream_pose dlstream_recorder

.PHONY: help setup demo test lint format bench lock demo-network clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## virtual environment, packages, colcon build; only what has changed
	@$(PYTHON) tools/setup_workspace.py

demo: setup ## the whole loop for 20 s on a synthetic animal; SHOW=1 opens windows
	@.venv/bin/dlstream demo $(if $(SHOW),--show)

test: setup ## every test: cores, nodes over DDS, whole rigs
	@$(ENV) python -m pytest $(ARGS)

lint: setup ## ruff, mypy strict, the layers of the packages
	@$(ENV) ruff check .
	@$(ENV) ruff format --check .
	@for package in $(PACKAGES); do $(ENV) python -m mypy $$package/$$package || exit 1; done
	@PYTHONPATH=$(subst $() ,:,$(PACKAGES)) $(ENV) lint-imports

format: setup ## formats the code
	@$(ENV) ruff check --fix . ; $(ENV) ruff format .

bench: setup ## measures, prints a table, writes build/bench.json
	@$(ENV) python test/bench.py

lock: ## resolves requirements.in into requirements.lock
	@$(PYTHON) -m venv build/lock-env && build/lock-env/bin/pip -q install uv
	@build/lock-env/bin/uv pip compile -q --universal --upgrade --python-version 3.10 --no-header requirements.in -o requirements.lock
	@sed -i '1i # Every package pinned, for Python 3.10 to 3.13: written by `make lock` from requirements.in.' requirements.lock

demo-network: ## trains the demo's network anew (needs DeepLabCut: see the script)
	@$(PYTHON) tools/train_demo_network.py

clean: ## removes the virtual environment and everything built
	rm -rf .venv build install log .mypy_cache .ruff_cache .pytest_cache .hypothesis
