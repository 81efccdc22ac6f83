# What you can do here. Everything uses the dev profile, which is optimised (see CONTRIBUTING.md).
# CARGO_TARGET_DIR is honoured; without it, cargo's own target/.

CARGO = cargo
TIDINGS = $(CARGO) run -q --locked -p tidings-node --bin tidings --
ARGS ?=

.DEFAULT_GOAL := help
# With the node, so that its features are those of all other builds and RocksDB is not built once more.
SIM = $(CARGO) test --locked -p tidings-tests -p tidings-node --features tidings-tests/slow

PROPERTIES = --test signatures --test store_model --test topic_names
SIMULATIONS = --test costs --test crashes --test crowds --test exhaustive --test policies --test random --test swarm

.PHONY: help run demo bench test test-slow sim sim-long mutants interop bench-interop lint fmt docs setup clean

help: ## this text
	@echo 'make TARGET, where TARGET is one of:'
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name what; do printf '  %-13s %s\n' "$$name" "$$what"; done

run: ready ## build and start a node; its page is at http://127.0.0.1:4280
	@$(TIDINGS) serve $(ARGS)

demo: ready ## three nodes on this machine: import, join, comment, crash, agree
	@$(TIDINGS) demo $(ARGS)

bench: ready ## measure, each figure beside the limit of this machine
	@$(TIDINGS) bench $(ARGS)

test: ## set up, build and run all tests
	@scripts/test

test-slow: ## only what crosses crates: processes, sockets, crashes
	@scripts/test slow

sim: ## a few minutes of simulation: costs, crashes, crowds, all interleavings, 300 seeds of faults
	@TIDINGS_SEEDS=$${TIDINGS_SEEDS:-0..300} $(SIM) $(SIMULATIONS) -- --nocapture

sim-long: ## about an hour of it: 10,000 seeds, costs at a million entries, properties 60 times as deep (some gigabytes of memory)
	@TIDINGS_DEPTH=$${TIDINGS_DEPTH:-60} $(CARGO) test --locked -p tidings-ledger -p tidings-node --lib $(PROPERTIES)
	@TIDINGS_SEEDS=$${TIDINGS_SEEDS:-0..10000} PROPTEST_CASES=$${PROPTEST_CASES:-20000} \
	TIDINGS_COSTS=$${TIDINGS_COSTS:-10000,100000,1000000} $(SIM) $(SIMULATIONS) -- --nocapture

mutants: ## bugs on purpose, one at a time: does a test tell?
	@tests/mutations/run.py $(ARGS)

interop: ## bring Kubo, IPFS Cluster and Helia, run the tests that need them, and measure who moves blocks how fast
	@scripts/interop

bench-interop: ## only that measuring
	@scripts/interop bench

lint: ## formatting, clippy for each feature set, rustdoc, dependency policy, links
	@scripts/lint

fmt: ## format the code
	@$(CARGO) fmt --all

docs: ## check the links of docs/, and build the book and the Rust documentation
	@scripts/docs

setup: ## only install what building and testing need
	@scripts/bootstrap tests

clean: ## remove what was built of Tidings, keep the built dependencies
	@$(CARGO) clean -p tidings-ledger -p tidings-transport-mem -p tidings-simulator -p tidings-transport-ipfs -p tidings-node -p tidings-tests

.PHONY: ready
ready:
	@scripts/bootstrap
	@scripts/say-first-build
	@$(CARGO) build --locked -p tidings-node --bin tidings
