# The developer's commands: `make help` lists them. What a target does beyond one line is in scripts/.
# CARGO_TARGET_DIR and PINTAIL_CACHE are respected; nothing here asks a question.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-docs lint bench bench-store compat faults clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## fetch what is missing: libduckdb, DuckDB's postgres extension, PostgreSQL's server binaries
	@scripts/setup

build: setup ## the release binary, target/release/pintail
	@cargo build --release --bin pintail

demo: build ## build the Olist warehouse on DuckDB and PostgreSQL, with the sample data
	@scripts/demo

test: setup ## the whole test suite, against real DuckDB and PostgreSQL (ARGS='…' for the runner)
	@scripts/test $(ARGS)

test-docs: setup ## repeat the npm build of the documentation's page, and look at it in Chromium
	@cargo build --quiet --bin pintail
	@scripts/test-docs

lint: setup ## formatting, and clippy with warnings as errors
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench: build ## measure against dbt-core and bare DuckDB (ARGS=--quick leaves dbt out)
	@cargo build --release --quiet --example bare_duckdb
	@scripts/bench $(ARGS)

bench-store: build ## ask the history of 10,000 runs of 500 nodes (needs 6 GB of disk and ten minutes)
	@scripts/with-postgres scripts/bench-store $(ARGS)

compat: ## run real dbt projects (PINTAIL_COMPAT_PROJECTS) with dbt-core and Pintail, and compare
	@scripts/with-postgres scripts/compat $(ARGS)

faults: build ## kill runs, stop PostgreSQL, fill the disk; look whether anything is lost (ARGS='--kills 20 kills')
	@scripts/faults $(ARGS)

clean: ## remove what was built; the cache of downloads and the databases in .pintail stay
	cargo clean
	rm -rf project/target .deps
