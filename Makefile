# A table of contents: what each target does is in the script of the same name in tools/build/.
# Arguments go through ARGS, as in: make demo ARGS="--help"

.DEFAULT_GOAL := help
.PHONY: help demo build test lint soak bench release vectors sbom fuzz

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build everything and see it work, from a bare machine
	@tools/build/demo.sh $(ARGS)

build: ## build all commands (dev profile)
	@tools/build/build.sh $(ARGS)

test: ## run all tests
	@tools/build/test.sh $(ARGS)

lint: ## check format, clippy and scripts
	@tools/build/lint.sh $(ARGS)

soak: ## run the long tests that break things (minutes)
	@tools/build/soak.sh $(ARGS)

bench: ## measure, with the machine named beside the numbers
	@tools/build/bench.sh $(ARGS)

release: ## build zegel-verifier as it is released: the same bytes for everyone
	@tools/build/release.sh $(ARGS)

vectors: ## make specs/vectors again with its independent script
	@tools/build/vectors.sh $(ARGS)

sbom: ## write the bill of materials of each command (CycloneDX)
	@tools/build/sbom.sh $(ARGS)

fuzz: ## try every parser on changed inputs, five minutes each
	@tools/build/fuzz.sh $(ARGS)
