# Every target first makes .venv from the pinned requirements, which happens once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help lab run test faults browser colab screenshots notebooks bench bench-smoke lint clean lock

help: ## list what make can do
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

lab: $(READY) ## open the lessons in JupyterLab
	python notebooks/lab.py $(ARGS)

run: $(READY) ## run both lessons from start to end; PROFILE=smoke|quick|full TRACK=pytorch|tensorflow
	python notebooks/run.py $(if $(PROFILE),--profile $(PROFILE)) $(if $(TRACK),--track $(TRACK)) $(ARGS)

test: $(READY) ## run the tests, every notebook included
	pytest $(ARGS)

faults: $(READY) ## put faults into running lessons and see them survive, in under 10 minutes
	pytest -m fault tests $(ARGS)

browser: $(READY) ## open the lessons in JupyterLab with Chromium, click and type, and take screenshots
	pytest -m browser tests/test_browser.py $(ARGS)

colab: $(READY) ## install the kit as Colab does, by the lessons' own first cells
	pytest -m colab tests/test_environment.py $(ARGS)

screenshots: ## make the pictures of README.md, with the browser's test
	TUTORIAL_PROFILE=quick $(MAKE) browser ARGS="-n0 -k 'start or pytorch' --screenshots notebooks/images"

notebooks: $(READY) ## build the notebooks from their source pages and execute them
	python notebooks/build.py $(if $(TRACK),--track $(TRACK)) $(ARGS)

bench: $(READY) ## time the guide's settings against the kit's
	python benchmarks/bench.py $(ARGS)

bench-smoke: $(READY) ## see the benchmark work, in about a minute
	python benchmarks/bench.py --rounds 1 --at-once 2 --reviews 4 --inference 16 --output runs/bench-smoke.json

lint: $(READY) ## check the code, in notebooks too
	ruff check . && ruff format --check .

lock: $(READY) ## write the newest fitting versions of pyproject.toml's packages to requirements.txt
	pip install --upgrade --upgrade-strategy eager --editable '.[pytorch,tensorflow,dev]'
	pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.txt

clean: ## remove what can be made again, but keep .venv
	rm -rf runs build *.egg-info notebooks/*/my_awesome_model* .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "This kit needs Python 3.11, 3.12 or 3.13; run: make PYTHON=python3.11 …"; exit 1; }
	@echo "Installing the pinned packages into .venv, once; this takes a few minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --requirement requirements.txt
	$(BIN)/python -m pip install -qq --no-deps --editable .
	@touch $(READY)
