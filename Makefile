# Weir. `make help` lists every target. M=<module> (a folder: kit, source-controller, hack/demo) narrows build, test, lint, fuzz and weigh.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

M ?=
MAINS := $(patsubst %/main.go,%,$(wildcard */main.go))
BINARIES := $(patsubst cli,weir,$(MAINS))
export VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.0.0-dev.$$(git describe --always --dirty 2>/dev/null))

# Tests run against the API server in this folder: ours, or the one of whoever sets it.
export KUBEBUILDER_ASSETS ?= $(CURDIR)/bin/assets
export TESTFLAGS FUZZTIME

##@ Try it
.PHONY: run
run: cluster $(addprefix bin/,$(BINARIES)) bin/weir-demo ## Show Git, Helm and OCI sources being reconciled: ARGS=--once, REPO=<url> DIR=<path in it>, CLUSTER=current
	@bin/weir-demo $(if $(REPO),--repo '$(REPO)') $(if $(DIR),--dir '$(DIR)') $(if $(CLUSTER),--cluster '$(CLUSTER)') $(ARGS)

##@ Work on it
.PHONY: build
build: $(addprefix bin/,$(if $(M),$(patsubst cli,weir,$(filter $(M),$(MAINS))),$(BINARIES))) ## Build every program into bin/, with the version that git describes
	$(if $(filter-out $(MAINS),$(M)),@hack/modules all '$(M)' >/dev/null && cd '$(M)' && $(if $(findstring hack/,$(M)),GOWORK=off) go build -o /dev/null ./...)

.PHONY: test
test: cluster $(addprefix bin/,$(BINARIES)) ## Run every test of every module against a real API server; TESTFLAGS=-race, KUBEBUILDER_ASSETS=<folder>
	@hack/test $(M)

.PHONY: e2e
e2e: cluster $(addprefix bin/,$(BINARIES)) ## Run the tests of the whole, which kill controllers at work: WEIR_E2E_SEED=random or <a seed that it printed>
	@hack/test hack/e2e

.PHONY: lint
lint: ## Run golangci-lint as .golangci.yml says
	@hack/lint $(M)

.PHONY: fmt
fmt: ## Format every Go file
	@for m in $$(hack/modules workspace) $$(hack/modules outside); do hack/tool golangci-lint fmt "$$m"; done

.PHONY: generate
generate: ## Regenerate what is generated: deep copies, CRDs
	@hack/generate

.PHONY: manifests
manifests: generate ## Regenerate the CRDs and render the install manifest to bin/install.yaml
	@hack/tool kustomize build manifests/install >bin/install.yaml && echo "rendered bin/install.yaml"

.PHONY: verify
verify: ## Check versions across modules, generated files, go.mod, formatting, and builds with GOWORK=off
	@hack/verify

.PHONY: check
check: verify lint build test ## Everything that CI runs

##@ Measure it
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s) each
	@hack/fuzz $(M)

.PHONY: bench
bench: cluster $(addprefix bin/,$(BINARIES)) ## Run a benchmark: SCENARIO=fanout|chain|wait|monorepo|helm|push|image, ARGS=…
	@cd hack/bench && GOWORK=off go run . $(if $(SCENARIO),--scenario '$(SCENARIO)') $(ARGS)

.PHONY: weigh
weigh: ## Print how large each program is and what pulled each big module in
	@GOWORK=off go -C hack/tools run ./weigh -root '$(CURDIR)' $(or $(M),$(MAINS))

##@ Parts
.PHONY: image
image: ## Make an OCI image of every controller in bin/images, without a container engine: ARGS='--platform linux/amd64,linux/arm64 --registry … --push'
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} GOWORK=off go -C hack/image run . --version '$(VERSION)' $(ARGS) $(or $(M),$(filter-out cli,$(MAINS)))

.PHONY: cluster
cluster: ## Build the local cluster: bin/weir-cluster, bin/weir-kwok, bin/assets
	@hack/cluster/build

.PHONY: clean
clean: ## Remove bin/ and .cache/
	@rm -rf bin .cache

.PHONY: help
help: ## List every target
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

bin/weir-demo: FORCE
	@hack/build $@ hack/demo

bin/weir: FORCE
	@hack/build $@ cli

bin/%: FORCE
	@hack/build $@ $*

.PHONY: FORCE
FORCE:
