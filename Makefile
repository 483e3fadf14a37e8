# `make demo` shows it, `make test` tests it; each sets up everything it needs.
# What `.venv` was made with, or else python3. Another one makes it again: make setup PYTHON=python3.12
ifndef PYTHON
PYTHON := $(shell [ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
endif
ENV := .venv/bin/dlstream-env
DLSTREAM_TEST_DATA ?= ../shared/data
OPENFIELD := $(DLSTREAM_TEST_DATA)/networks/openfield_cspnext_s/openfield_cspnext_s.pt
DLC := PYTHONPATH=dlstream_common:dlstream_camera:dlstream_pose .venv-dlc/bin/python
DLC_TF := PYTHONPATH=dlstream_common:dlstream_camera:dlstream_pose .venv-dlc-tf/bin/python
SLEAP := PYTHONPATH=dlstream_common:dlstream_camera:dlstream_pose .venv-sleap/bin/python
DLC_TESTS := -m pytest -c /dev/null --rootdir dlstream_pose --confcutdir dlstream_pose -p no:cacheprovider
PACKAGES := dlstream dlstream_camera dlstream_common dlstream_experiment dlstream_outputs dlstream_panel dlstream_pose dlstream_recorder

# Packages of Debian and Ubuntu that the tests of devices need: simulators, and libraries that have no wheel.
SIMULATORS := gcc-avr avr-libc libsimavr-dev libelf-dev libaravis-0.8-0 aravis-tools pulseaudio pulseaudio-utils libportaudio2 \
	libasound2-plugins xvfb chromium iproute2 nftables openssh-client openssh-server

# axe-core, one file, with which the panel's test looks for barriers; what else this package needs is for another browser.
AXE := axe-playwright-python==0.1.8

.PHONY: help setup tools devices simulators firmware hooks demo test retest lint format docs bench lock dlc dlc-tf sleap readers test-readers convert convert-tf convert-sleap distill test-gpu test-dlc test-dlc-tf test-sleap demo-network clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## set up the virtual environment, packages and colcon build; only what has changed
	@$(PYTHON) tools/setup_workspace.py

tools: .venv/.tools ## install the libraries of `dlstream export`, `secure`, `track --scheduler` and the engine openvino (480 MB)

.venv/.tools: requirements-tools.txt | setup
	.venv/bin/python -m pip install -q --disable-pip-version-check -r requirements-tools.txt
	@touch $@

devices: .venv/.devices ## install the libraries of all cameras and outputs; or install the one that you need by pip

.venv/.devices: requirements-devices.txt | setup
	.venv/bin/python -m pip install -q --disable-pip-version-check -r requirements-devices.txt
	.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps $(AXE)
	@touch $@

simulators: ## install what the tests of devices need beside Python packages (apt; asks for your password)
	@dpkg -s $(SIMULATORS) > /dev/null 2>&1 || { sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends $(SIMULATORS); }

firmware: ## build the firmware of type: arduino (avr-gcc; `make simulators` installs it)
	@$(MAKE) -s -C firmware BUILD=$(CURDIR)/build/firmware

hooks: setup ## let git check each commit from now on: format, file ends, message
	@.venv/bin/pre-commit install

demo: setup ## run the whole loop for 20 s on a synthetic animal; SHOW=1 opens windows, PANEL=1 serves the panel until Ctrl-C
	@.venv/bin/dlstream demo $(if $(SHOW),--show) $(if $(PANEL),--panel)

test: setup devices tools ## run every test, two at a time; ARGS=dlstream_camera for one package
	@$(ENV) python -m pytest -n 2 --dist worksteal $(ARGS)

retest: ## run what failed last, one test at a time; MOST=5: only if no more than five failed
	@$(ENV) python tools/retest.py $(MOST)

lint: setup ## run ruff and mypy (strict); check package layers and import circles
	@$(ENV) ruff check .
	@$(ENV) ruff format --check .
	@for package in $(PACKAGES); do $(ENV) python -m mypy $$package/$$package || exit 1; done
	@PYTHONPATH=$(subst $() ,:,$(PACKAGES) tools) $(ENV) lint-imports --no-cache

format: setup ## format the code
	@$(ENV) ruff check --fix . ; $(ENV) ruff format .

docs: setup .venv-docs/.packages ## build the documentation, build/docs/index.html, readable offline
	@PYTHONPATH=$(CURDIR)/.venv-docs $(ENV) python -m sphinx -q -E -W --keep-going -n -b html docs build/docs
	@echo build/docs/index.html

# Packages only, beside the product's own environment: the API pages import what they describe.
.venv-docs/.packages: requirements-docs.txt | setup
	rm -rf .venv-docs
	.venv/bin/python -m pip install -q --disable-pip-version-check --target .venv-docs -r requirements-docs.txt
	touch $@ .venv-docs/COLCON_IGNORE

bench: setup ## measure, print tables; ARGS="--network mouse.onnx --only speed": only that; with DeepLabCut-Live after `make dlc`
	@$(if $(ARGS),,$(ENV) python test/bench.py)
	@$(if $(ARGS),,$(ENV) python test/bench_panel.py)
	@if [ -e .venv-dlc/.packages ]; then $(DLC) test/bench_pose.py $(ARGS); else \
		echo "no .venv-dlc (make dlc): measured without DeepLabCut-Live"; $(ENV) python test/bench_pose.py $(ARGS); fi

lock: ## resolve requirements.in into requirements.lock, requirements-devices.in, -tools.in and -docs.in into their .txt
	@$(PYTHON) -m venv build/lock-env && build/lock-env/bin/pip -q install uv
	@build/lock-env/bin/uv pip compile -q --universal --upgrade --python-version 3.10 --no-header requirements.in -o requirements.lock
	@build/lock-env/bin/uv pip compile -q --universal --upgrade --python-version 3.10 --no-header requirements-docs.in -o requirements-docs.txt
	@build/lock-env/bin/uv pip compile -q --universal --upgrade --python-version 3.10 --no-header -c requirements.lock \
		requirements-devices.in -o requirements-devices.txt
	@build/lock-env/bin/uv pip compile -q --universal --upgrade --python-version 3.10 --no-header -c requirements.lock \
		requirements-tools.in -o requirements-tools.txt
	@sed -i '1i # Every package pinned, for Python 3.10 to 3.13: written by `make lock` from requirements.in.' requirements.lock
	@sed -i '1i # The environment of `make docs`, pinned, for Python 3.10 to 3.13: written by `make lock` from requirements-docs.in.' requirements-docs.txt
	@sed -i '1i # Libraries of devices, pinned, for Python 3.10 to 3.13: written by `make lock` from requirements-devices.in.' requirements-devices.txt
	@sed -i '1i # Libraries of `dlstream export`, `secure`, `track --scheduler` and the engine `openvino`, pinned, for Python 3.10 to 3.13: written by `make lock` from requirements-tools.in.' requirements-tools.txt

dlc: .venv-dlc/.packages ## set up an environment with DeepLabCut, to convert or train networks (6 GB)

.venv-dlc/.packages: requirements-dlc.txt
	$(PYTHON) -m venv .venv-dlc && touch .venv-dlc/COLCON_IGNORE
	.venv-dlc/bin/pip install -r requirements-dlc.txt
	touch $@

dlc-tf: .venv-dlc-tf/.packages ## set up an environment with TensorFlow, to convert DeepLabCut 2 networks (2 GB; Python 3.10 or 3.11)

# Only modules of DeepLabCut and DeepLabCut-Live that work without torch are used: not all their requirements are needed.
.venv-dlc-tf/.packages: requirements-dlc-tf.txt
	$(PYTHON) -m venv .venv-dlc-tf && touch .venv-dlc-tf/COLCON_IGNORE
	.venv-dlc-tf/bin/pip install -r requirements-dlc-tf.txt
	.venv-dlc-tf/bin/pip install --no-deps deeplabcut==3.0.2 deeplabcut-live==1.1.0
	touch $@

sleap: .venv-sleap/.packages ## set up an environment with SLEAP-NN, to convert SLEAP networks (6 GB; Python 3.11 or later)

.venv-sleap/.packages: requirements-sleap.txt
	$(PYTHON) -m venv .venv-sleap && touch .venv-sleap/COLCON_IGNORE
	.venv-sleap/bin/pip install -r requirements-sleap.txt
	touch $@

readers: .venv-readers/.packages ## set up an environment with movement and napari's reader, to test that they open our tables (1.5 GB)

.venv-readers/.packages: requirements-readers.txt
	$(PYTHON) -m venv .venv-readers && touch .venv-readers/COLCON_IGNORE
	.venv-readers/bin/pip install -r requirements-readers.txt
	touch $@

test-readers: setup tools readers ## run the tests that need movement and napari's reader; after `make dlc` DeepLabCut's, too
	@$(ENV) python -m pytest dlstream/test/test_track_readers.py

convert: dlc ## convert a network: make convert ARGS="export.pt mouse.onnx --frames mouse.mp4 --scale 0.5"
	@$(DLC) -m dlstream_pose.convert $(ARGS)

convert-tf: dlc-tf ## convert a DeepLabCut 2 network: make convert-tf ARGS="folder mouse.onnx --frames mouse.mp4"
	@$(DLC_TF) -m dlstream_pose.convert $(ARGS)

convert-sleap: sleap ## convert a SLEAP network: make convert-sleap ARGS="models/mouse mouse.onnx --frames mouse.mp4"
	@$(SLEAP) -m dlstream_pose.convert $(ARGS)

distill: dlc ## a small network from a large one: make distill ARGS="mouse.onnx --videos mouse.mp4 --out small.onnx --minutes 60"
	@$(DLC) -m dlstream_pose.convert.distill $(ARGS)

test-gpu: setup ## run the tests of graphics cards; fails where there is none that can be used
	DLSTREAM_TEST_GPU=1 $(ENV) python -m pytest -rA dlstream_pose/test/test_pose_cards.py dlstream_pose/test/test_pose_engines.py

test-dlc: setup dlc ## run the tests that need DeepLabCut: every kind of network, and a real mouse against DeepLabCut-Live's poses
	@OMP_NUM_THREADS=1 $(DLC) $(DLC_TESTS) -n 2 $(addprefix dlstream_pose/test/test_,convert.py convert_dlc.py distill_dlc.py pose_engines.py)
	@$(DLC) -m dlstream_pose.convert $(OPENFIELD) build/openfield.onnx
	@DLSTREAM_TEST_NETWORK=build/openfield.onnx $(ENV) python -m pytest dlstream_pose -k real_mouse

test-dlc-tf: dlc-tf ## run the tests that need TensorFlow: DeepLabCut 2 networks against DeepLabCut-Live
	@TF_CPP_MIN_LOG_LEVEL=3 $(DLC_TF) $(DLC_TESTS) -n 2 dlstream_pose/test/test_convert_tf.py

test-sleap: sleap ## run the tests that need SLEAP-NN: SLEAP networks against its own predictor
	@$(SLEAP) $(DLC_TESTS) dlstream_pose/test/test_convert_sleap.py dlstream_pose/test/test_sleap_files.py

demo-network: dlc ## train the demo's network again (half an hour on two cores)
	@$(DLC) tools/train_demo_network.py

clean: ## remove the virtual environments and everything built
	rm -rf .venv .venv-dlc .venv-dlc-tf .venv-docs .venv-readers .venv-sleap build docs/reference/generated install log .mypy_cache .ruff_cache .pytest_cache .hypothesis
