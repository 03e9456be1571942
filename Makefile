# What a user or developer types. Every target works from a clean clone; `make up` and `make test` install what is locked.
# Modules are kept in their compiled form whatever the shell says: every process starts three times as fast.
unexport PYTHONDONTWRITEBYTECODE
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv/bin
STACK := $(VENV)/python -m deploy.stack
PREPARE := $(PYTHON) -I deploy/bootstrap.py
ACCOUNTS ?= 2000
NAMES ?=
DAYS ?= 1
OUT ?= .local/rebalancer.cdx.json

.PHONY: help up down status logs reset next-day load subscriber-demo test test-fast check bench bench-start bench-engine bench-compile bench-api bench-ui bench-analysis house contracts lock sbom release-check doctor

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

up: ## Start the whole system, first time with a sample book (ACCOUNTS=2000)
	@$(PREPARE) java maven node
	@$(STACK) up --accounts $(ACCOUNTS)

down: ## Stop it; data is kept
	@$(PREPARE) --quiet
	@$(STACK) down

status: ## Show every process
	@$(PREPARE) --quiet
	@$(STACK) status

logs: ## Follow the logs (NAMES="batch gateway" for some)
	@$(PREPARE) --quiet
	@$(STACK) logs $(NAMES)

reset: ## Stop it and delete its data
	@$(PREPARE) --quiet
	@$(STACK) reset

next-day: ## Move the stack's clock to the next business day: fills, new files, analysis (DAYS=1)
	@$(PREPARE) --quiet
	@$(STACK) exec $(VENV)/python -m deploy.custodian next-day --days $(DAYS)

.PHONY: backup restore
backup: ## Take a backup of the database; from then on any moment can be restored (docs/restore.md)
	@$(PREPARE) --quiet
	@$(STACK) backup

restore: ## Restore the database to a moment (AT=2026-01-02T15:04:05Z) and stop the programs (docs/restore.md)
	@$(PREPARE) --quiet
	@$(STACK) restore --at $(AT)

load: ## Take custodian files in: make load FILE=path (several in quotes)
	@$(PREPARE) --quiet
	@$(STACK) exec --as taxlot $(VENV)/python -m services.taxlot load $(FILE)

subscriber-demo: ## Show what the example subscriber receives from the running stack (ARGS="--first 20": end then)
	@$(PREPARE) --quiet
	@$(STACK) exec $(VENV)/python -m deploy.subscriber_demo $(ARGS)

.PHONY: observe observe-files
observe: ## Watch the running stack with Prometheus and the alert rules (Debian package prometheus)
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.observe run

observe-files: ## Write what is generated from the catalogue of metrics: its page, alert rules, dashboards
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.observe files

.PHONY: pin-images
pin-images: ## Name the images of others by the digests that a registry answers (docs/containers.md)
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.image_digests $(ARGS)

.PHONY: screens
screens: ## Make the pictures of every screen anew: docs/screens
	@$(PREPARE) java maven node
	@mkdir -p docs/screens
	@REBALANCER_SCREENS=docs/screens $(VENV)/python -m pytest -q tests/screens/test_every_screen.py

.PHONY: replay
replay: ## Rebuild a day from the event log and compare it with the stores: make replay DAY=2026-06-12 (ARGS="--write out")
	@$(PREPARE) --quiet
	@$(STACK) exec --as auditor $(VENV)/python -m services.auditor replay "$(DAY)" $(ARGS)

.PHONY: card
card: ## Bring faults about many times and write docs/reliability.md (hours; some: ARGS="F8 F16")
	@$(PREPARE) java maven node
	@$(VENV)/python -m tests.faults $(ARGS)

doctor: ## Say what is missing on this machine
	@$(PREPARE) java maven node

check: ## Every static check
	@$(PREPARE) --quiet node
	@$(VENV)/python -m deploy.checks

test: ## Everything: static checks, interface, all tests
	@$(PREPARE) java maven node
	@$(VENV)/python -m deploy.all_tests $(ARGS)

test-fast: ## The pure part, under a minute
	@$(PREPARE) --quiet
	@$(VENV)/ruff check --quiet .
	@$(VENV)/python -m pytest -m fast $(ARGS)

bench: ## Measure the loop on the real stack
	@$(PREPARE) java maven node
	@$(VENV)/python -m benchmarks $(ARGS)

bench-start: ## Measure the first and the second start, step by step (ARGS=--one-core: as on a slow machine)
	@$(PREPARE) java maven
	@$(VENV)/python -m benchmarks.start $(ARGS)

bench-engine: .local/peer/.locked ## Measure what one core does: analysis, proposals, lot relief
	@$(VENV)/python -m benchmarks.engine $(ARGS)

bench-compile: ## Measure what compiling all kernels costs, beside an earlier commit (ARGS="--base COMMIT")
	@$(PREPARE) --quiet
	@$(VENV)/python -m benchmarks.compile $(ARGS)

bench-api: ## Measure pages of a queue of a million accounts under load (ARGS="--accounts 100000 --rate 100")
	@$(PREPARE) java maven
	@$(VENV)/python -m benchmarks.api $(ARGS)

bench-ui: ## Measure how long a person waits at the screen, in a real browser (ARGS="--large 2000")
	@$(PREPARE) java maven node
	@$(VENV)/python -m benchmarks.ui $(ARGS)

bench-analysis: ## Measure the daily analysis of the whole system (ARGS="--accounts 1000000 --positions 40 --flagged 10%")
	@$(PREPARE) java maven
	@$(VENV)/python -m benchmarks.analysis $(ARGS)

# The published peer has an environment of its own: its dependencies are not ours.
.local/peer/.locked: requirements/peer.lock
	@$(PREPARE) --quiet
	@$(VENV)/python -m uv venv --quiet --allow-existing .local/peer
	@$(VENV)/python -m uv pip install --quiet --require-hashes --python .local/peer/bin/python --requirement $<
	@touch $@

house: ## Draw the structure: rooms, import arrows and layers of each service (ARGS="--summary")
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.house $(ARGS)

sbom: ## Write the bill of materials, CycloneDX (OUT=file, default .local/rebalancer.cdx.json)
	@$(PREPARE) --quiet
	@mkdir -p .local
	@$(VENV)/python -m deploy.sbom --out $(OUT)

release-check: ## May this be released: documents, locks, bill of materials, version, secrets, image labels, known weaknesses
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.release $(ARGS)

contracts: ## Write docs/events anew from the contracts (ARGS="--release 2" also keeps them as a release)
	@$(PREPARE) --quiet
	@$(VENV)/python -m deploy.contracts $(ARGS)

lock: ## Resolve requirements/*.in anew into the locks
	@$(PREPARE) --quiet
	@cd requirements && for name in runtime dev peer; do \
	  ../$(VENV)/python -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 --output-file $$name.lock $$name.in; done
