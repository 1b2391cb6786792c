# Every target sets up what it needs; nothing but Python >= 3.11, make and pip is expected.
PYTHON = .venv/bin/python
CORES := $(shell getconf _NPROCESSORS_ONLN)
# Two for each core: what runs a whole system waits more than it computes.
WORKERS ?= $(shell expr 2 \* $(CORES))
export PATH := $(CURDIR)/.venv/node:$(PATH):$(CURDIR)/.venv/bin
# Each of the many processes that the tests are and start would compile anew what one has compiled.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
NIGHTLY = tests/neighbours tests/contracts/test_bent_answers.py tests/histories/test_slots.py tests/histories/test_killed_evaluations.py
.PHONY: help setup demo references dev logs test nightly test-fast check docs clients synth preflight lock score report weights bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:
	@scripts/bootstrap

demo: setup ## the main job on this machine: identities, pictures, scores, gallery (REFERENCES= NAME= CLASS= PROVIDERS= SCENARIO_SET= SCENARIOS= VARIATIONS= MAX_COST= YES=1 RESUME=)
	@$(PYTHON) -m local demo "--make=$$MAKEFLAGS"

references: setup ## reference images of the specification's Sarah, or of CHARACTER=file.yaml, from words (OUTPUT=folder ALL=1 SEED= YES=1)
	@$(PYTHON) -m local references "--make=$$MAKEFLAGS"

dev: setup ## the whole system on this machine, until Ctrl-C (API_PORT= BUDGET= FRESH=1 OPTIONS=--help ...)
	@$(PYTHON) -m local dev "--make=$$MAKEFLAGS" $(OPTIONS)

logs: setup ## all that a local run logged about one request (ID= its X-Request-Id, or a job's id)
	@$(PYTHON) -m scripts.logs "$(ID)"

test: setup ## all tests, side by side on all cores; a part of them with T=tests/services; COVERAGE=1 measures
	@$(if $(COVERAGE),mkdir -p .build/coverage && $(PYTHON) -m coverage erase)
	@$(PYTHON) $(if $(COVERAGE),-m coverage run) -m pytest --numprocesses $(WORKERS) $(T)
	@$(if $(COVERAGE),$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report $(if $(T),--fail-under=0))

nightly: setup ## all generated neighbours of what broke once, counted by kind, bent answers, 300 orders at once, and evaluations killed everywhere; make test tries a sample
	@EXAMPLES=20000 ORDERS=300 $(PYTHON) -m pytest --numprocesses $(WORKERS) $(NIGHTLY)

test-fast: setup ## the tests that start no other process, and compute no thousands of histories
	@$(PYTHON) -m pytest --numprocesses $(CORES) -m "not processes and not exhaustive" $(T)

check: setup ## format, lint, types, templates, state machines
	@scripts/check

docs: setup ## the tables of docs/api.md that come from the table of routes
	@$(PYTHON) -m scripts.api_page

clients: setup ## the TypeScript client as npm installs it, with types made of the OpenAPI document
	@$(PYTHON) -m scripts.typescript

synth: setup ## the CloudFormation template of a stage, into cdk.out (STAGE=dev or prod)
	@$(PYTHON) -m scripts.synth $(if $(STAGE),--stage "$(STAGE)")

preflight: setup ## what an account lacks before a stage is deployed to it (STAGE=dev or prod)
	@$(PYTHON) -m scripts.preflight $(if $(STAGE),--stage "$(STAGE)")

lock: setup ## pin what ships, with hashes, from each requirements.in (OPTIONS=--upgrade for the newest releases)
	@scripts/lock $(OPTIONS)

score: setup ## how like pictures are, or folders of them (REFERENCE=a.jpg GENERATED=b.jpg CSV=scores.csv WEIGHTS=folder)
	@$(PYTHON) -m functions.score_image.compare $(if $(CSV),--csv "$$CSV") $(if $(WEIGHTS),--weights "$$WEIGHTS") -- "$$REFERENCE" "$$GENERATED"

report: setup ## gallery and report anew from evaluation.json and results.csv of a run (RESULTS=folder; else the latest)
	@$(PYTHON) -m character_evaluation "$${RESULTS:-.local/results/latest}"

weights: setup ## fetch what scoring takes: dlib's face encoder, then CLIP ViT-B/32
	@$(PYTHON) -m scripts.weights face-dlib-resnet-v1
	@$(PYTHON) -m scripts.weights clip-vit-b32

bench: setup ## cold starts and the intake of references beside an earlier release, polls and transitions per job, intervals of comparisons (FUNCTIONS="get_identity ..." only these starts)
	@$(PYTHON) -m benchmarks $(if $(FUNCTIONS),starts $(FUNCTIONS))

clean: ## remove what was made
	rm -rf .venv .build .local cdk.out
