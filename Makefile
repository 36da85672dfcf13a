# Each track has an environment of its own, .venv/TRACK, made from the pins in requirements/ at the first call that needs it.
PYTHON ?= python3
TRACKS := $(or $(TRACK),pytorch tensorflow)
# What runs commands for both tracks is the first one's Python; kernels and measurements run in their own.
MAIN := .venv/$(firstword $(TRACKS))/bin/python
READY := $(TRACKS:%=.venv/%/.ready)
TESTS := $(TRACKS:%=.venv/%/.tests)
export TUTORIAL_TRACKS := $(TRACKS)

.DEFAULT_GOAL := help
.PHONY: help lab html bundle slides run own install doctor test faults mutants browser colab lowest minutes memory screenshots notebooks scripts bench bench-smoke lint clean lock

help: ## list what make can do
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

lab: $(READY) ## open the lessons in JupyterLab; TRACK=pytorch|tensorflow for one track alone
	@$(MAIN) notebooks/lab.py $(ARGS)

html: $(READY) ## write the lessons as web pages to runs/html
	@$(MAIN) notebooks/export.py

bundle: $(READY) ## make a zip that installs the kit without a network; TRACK=… PYTHON_VERSION=3.11 PLATFORM=linux|macos|windows
	@$(MAIN) requirements/bundle.py $(TRACK:%=--track %) $(PYTHON_VERSION:%=--python %) $(PLATFORM:%=--platform %)

slides: $(READY) ## make slides of the lessons in runs/slides, which need no network
	@$(MAIN) notebooks/slides.py

run: $(READY) ## run the lessons from start to end; PROFILE=smoke|quick|full TRACK=pytorch|tensorflow CHECKPOINT=folder|id
	@$(MAIN) notebooks/run.py $(if $(PROFILE),--profile $(PROFILE)) $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(ARGS)

own: $(READY) ## run lesson 04 on a file of yours; DATA=messages.csv TEXT=… LABEL=… GROUP=… WATCH=… TRACK=…
	@$(MAIN) notebooks/own.py "$(or $(DATA),$(error say which file: make own DATA=messages.csv))" $(if $(TEXT),--text "$(TEXT)") $(if $(LABEL),--label "$(LABEL)") \
		$(if $(GROUP),--group "$(GROUP)") $(if $(WATCH),--watch "$(WATCH)") $(if $(PROFILE),--profile $(PROFILE))

install: $(READY) ## install the pinned packages, and open nothing

doctor: ## say whether this machine is ready; ARGS="--decode CODE" or "--class FILE" for a teacher
	@$(if $(wildcard $(MAIN)),$(MAIN),$(PYTHON)) -m helpers doctor $(TRACK:%=--track %) $(ARGS)

test: $(TESTS) ## run the tests, every notebook included
	@$(MAIN) -m pytest $(ARGS)

faults: $(TESTS) ## put faults into running lessons and see them survive, in about 10 minutes
	@$(MAIN) -m pytest -m fault tests $(ARGS)

mutants: $(TESTS) ## change the helpers in small ways, and see the tests notice; about 20 minutes
	@rm -rf mutants
	@TUTORIAL_TRACKS=pytorch OMP_NUM_THREADS=1 .venv/pytorch/bin/python -m mutmut run $(ARGS)
	@TUTORIAL_TRACKS=pytorch .venv/pytorch/bin/python -m mutmut results > tests/mutants.txt

browser: $(TESTS) ## open the lessons in JupyterLab with Chromium, click and type, and take screenshots
	@$(MAIN) -m pytest -m browser tests/test_browser.py tests/test_own.py tests/test_slides.py $(ARGS)

colab: $(TESTS) ## run the lessons on what Colab has installed, their own first cells included
	@$(MAIN) -m pytest -rP -m colab tests/test_colab.py $(ARGS)

lowest: $(TESTS) ## run the lessons on the oldest versions that pyproject.toml allows
	@$(MAIN) -m pytest -rP -m lowest tests/test_colab.py $(ARGS)

minutes: $(READY) ## note how long the parts of the lessons take here, for the lessons and the start page
	@$(MAIN) notebooks/run.py --profile quick --keep-minutes $(ARGS)

memory: $(READY) ## run the lessons beside JupyterLab's server in 2 GB of memory; on Linux, as root
	@$(MAIN) notebooks/run.py --limit-gb 2 --folder runs/memory $(ARGS)

screenshots: ## make the pictures of README.md, with the browser's test
	TUTORIAL_PROFILE=quick $(MAKE) browser ARGS="-n0 -k 'start or pytorch' --screenshots notebooks/images"

notebooks: $(TESTS) ## build the notebooks from their source pages and execute them
	@$(MAIN) notebooks/build.py $(ARGS)

scripts: $(TESTS) ## write the plain code of the lessons to helpers/scripts
	@$(MAIN) notebooks/build.py --scripts

bench: $(READY) ## time the guide's settings against the kit's
	@$(MAIN) benchmarks/bench.py $(ARGS)

bench-smoke: $(READY) ## see the benchmark work, in about a minute
	@$(MAIN) benchmarks/bench.py --rounds 1 --at-once 2 --reviews 4 --inference 16 --output runs/bench-smoke.json

lint: $(TESTS) ## check the code, in notebooks too
	@$(MAIN) -m ruff check . && $(MAIN) -m ruff format --check .

lock: $(TESTS) ## write the newest versions that pyproject.toml allows to requirements/
	@$(MAIN) requirements/lock.py

clean: ## remove what can be made again, but keep .venv
	rm -rf runs build *.egg-info notebooks/*/my_awesome_model* notebooks/*/*/my_awesome_model* .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/%/.ready: requirements/shared.txt requirements/%.txt
	@$(PYTHON) requirements/install.py $*

.venv/%/.tests: .venv/%/.ready requirements/tests.txt
	@$(PYTHON) requirements/install.py $* --tests
