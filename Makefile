# The commands that everyone relies on. Each does its own set-up.
#   make demo    restores a real Debian system on an emulated machine and boots it
#   make test    everything that must be green

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

POWER     := powerpc64le-unknown-linux-gnu
POWER_BE  := powerpc64-unknown-linux-gnu
CARGO     ?= cargo
TARGETDIR := $(or $(CARGO_TARGET_DIR),target)
BUILD     := build
RESCUE    := $(BUILD)/rescue
ISO       := $(BUILD)/lifeboat.iso
DEMO      := $(BUILD)/demo.mksysb
WORK      := $(BUILD)/work

LIFEBOAT  := $(TARGETDIR)/$(POWER)/release/lifeboat
INIT      := $(TARGETDIR)/$(POWER)/release/init
HOST      := $(TARGETDIR)/host
IMAGE     := $(HOST)/image-build
# Under one name whatever its version: what the scenarios install.
DEB       := $(BUILD)/lifeboat.deb
SCENARIOS := $(HOST)/scenarios --image-build $(IMAGE) --host-lifeboat $(HOST)/lifeboat --rescue $(RESCUE) --iso $(ISO) --backup $(DEMO) --package $(DEB) --work $(WORK)

# Crates whose bytes end up on disks or media: their tests run on both byte orders.
WIRE      := -p lifeboat-stanza -p lifeboat-archive -p lifeboat-layout -p lifeboat-boot -p lifeboat-devices

.PHONY: setup check units-both-orders binaries host-tools image demo-backup demo run deb rpm packages e2e test bench man clean

setup: ## install what is missing on a Debian or Ubuntu host
	@image-build/setup.sh

check: ## format, lints, unit tests; no emulation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace --quiet

units-both-orders: setup ## unit tests of everything that touches disk or wire formats, under qemu-user
	$(CARGO) test --quiet --target $(POWER) $(WIRE)
	$(CARGO) test --quiet --target $(POWER_BE) $(WIRE)

binaries: setup
	$(CARGO) build --release --target $(POWER) -p lifeboat -p lifeboat-init

host-tools: setup
	$(CARGO) build --profile host -p lifeboat -p lifeboat-image-build -p lifeboat-scenarios

image: binaries host-tools ## rescue ISO and netboot tree in build/
	$(IMAGE) rescue --init $(INIT) --lifeboat $(LIFEBOAT) --out $(RESCUE)
	$(IMAGE) iso --rescue $(RESCUE) --out $(ISO)
	$(IMAGE) netboot --rescue $(RESCUE) --out $(BUILD)/netboot

packages: deb rpm ## .deb and .rpm for Power in build/packages

deb: image
	package=$$($(IMAGE) package deb --lifeboat $(LIFEBOAT) --rescue $(RESCUE)); cp "$$package" $(DEB)

rpm: image
	$(IMAGE) package rpm --lifeboat $(LIFEBOAT) --rescue $(RESCUE)

demo-backup: host-tools ## the system backup of the demo system, cached outside the checkout
	$(IMAGE) demo --lifeboat $(HOST)/lifeboat --out $(DEMO)

demo: image demo-backup ## the main job, end to end, unattended
	$(SCENARIOS) demo

run: image demo-backup ## the rescue CD on this terminal
	$(SCENARIOS) run

e2e: image demo-backup deb ## all scenarios, or ONLY=name
	$(SCENARIOS) test --jobs 2 $(if $(ONLY),--only $(ONLY))

test: setup ## what CI runs
	$(MAKE) check
	$(MAKE) units-both-orders
	$(MAKE) image demo-backup
	$(SCENARIOS) test --core --jobs 2

bench: $(if $(filter throughput,$(ONLY)),,image) demo-backup ## sizes, CPU seconds, memory, throughput beside others; or ONLY=throughput
	$(SCENARIOS) bench --lifeboat $(LIFEBOAT) $(if $(ONLY),--only $(ONLY))

man: ## manual pages and shell completions in build/docs
	$(CARGO) build --profile host -p lifeboat-image-build
	$(IMAGE) docs --out $(BUILD)/docs

clean:
	rm -rf $(BUILD) $(TARGETDIR)
