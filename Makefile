# Drawbridge: `make help` lists the targets.
#
# Variables, all of them on the command line:
#   VARIANT  release, steps, debug, asan, tsan, cover or fuzz (mk/variants.mk)
#   BUILD    where everything goes, default build/$(VARIANT)
#   CC       gcc or clang
#   FOLDERS  build the library of these folders of src/ only
#   UNIT     which unit tests: a file name pattern, e.g. UNIT='http_*'
#   V=1      show the commands

VARIANT ?= release
BUILD ?= build/$(VARIANT)
PREFIX ?= /usr/local
DESTDIR ?=

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh
Q := $(if $(V),,@)
# What is done, in a word; with V=1 or make -s, not.
QUIET := $(V)$(findstring s,$(filter-out --%,$(firstword $(MAKEFLAGS))))
say = $(if $(QUIET),,@printf '  %-7s %s\n' '$(1)' '$(2)')

include mk/variants.mk
include mk/warnings.mk

# What is compiled ----------------------------------------------------------

find = $(sort $(shell find $(1) -name '$(2)' -type f 2>/dev/null))
FOLDERS ?= $(filter-out main,$(notdir $(wildcard src/*)))
LIB_SOURCES := $(foreach f,$(FOLDERS),$(call find,src/$(f),*.c))
MAIN_SOURCES := $(call find,src/main,*.c)
UNIT ?= *
UNIT_SOURCES := $(sort $(wildcard tests/unit/$(UNIT:_test=)_test.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*_fuzz.c))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB := $(BUILD)/libdrawbridge.a
BINARY := $(BUILD)/drawbridge
UNIT_BINARIES := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))
FUZZ_BINARIES := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SOURCES))

# How -----------------------------------------------------------------------

PACKAGES := openssl libsodium jansson sqlite3 libseccomp zlib libbrotlidec libzstd
PKG_CONFIG ?= pkg-config
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
CPPFLAGS += -Isrc -D_GNU_SOURCE $(shell $(PKG_CONFIG) --cflags $(PACKAGES) \
	2>/dev/null)
ALL_CFLAGS := -std=gnu17 -fPIE -pthread $(VARIANT_CFLAGS) $(WARNINGS) \
	$(CFLAGS)
ALL_LDFLAGS := -pie -pthread $(VARIANT_LDFLAGS) $(LDFLAGS)
COMPILE = $(CC) $(CPPFLAGS) $(ALL_CFLAGS)
# libFuzzer brings a main() of its own, so only its programs link with it.
LINK = $(CC) $(ALL_CFLAGS) $(subst =fuzzer$(comma),=,$(ALL_LDFLAGS))
comma := ,

all: $(BINARY) ## the binary, in build/release

$(BINARY): $(call objects,$(MAIN_SOURCES)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(LIB): $(call objects,$(LIB_SOURCES)) $(BUILD)/embed.o $(BUILD)/members
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $(filter %.o,$^)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

include mk/embed.mk
include mk/tests.mk
include mk/checks.mk
include mk/install.mk

# Files that change only when what they hold does: a build after a change of
# compiler, flags or the list of files is as good as one from nothing.
keep = $(Q)mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || \
	printf '%s\n' '$(1)' > $@
$(BUILD)/flags: FORCE
	$(Q)$(PKG_CONFIG) --print-errors --exists $(PACKAGES) || { \
		echo 'A library is missing; script/demo installs what it takes.'; \
		exit 1; }
	$(call keep,$(COMPILE) $(ALL_LDFLAGS) $(LIBS))
$(BUILD)/members: FORCE
	$(call keep,$(LIB_SOURCES))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# The variants by name ------------------------------------------------------

steps: ## as a release, with the steps of tests, in build/steps
debug: ## -O0 -g3, in build/debug
asan: ## AddressSanitizer and UBSan, in build/asan
tsan: ## ThreadSanitizer, in build/tsan
cover: ## gcov's counters, in build/cover
fuzz: ## every tests/fuzz/*_fuzz.c with libFuzzer, in build/fuzz
steps debug asan tsan cover:
	$(Q)$(MAKE) VARIANT=$@ all
ifneq ($(VARIANT),fuzz)
fuzz:
	$(Q)$(MAKE) VARIANT=fuzz fuzz
endif

clean: ## remove every build
	rm -rf build

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' \
	$(MAKEFILE_LIST)
	@sed -n '/^# Variables/,/^$$/s/^# \{0,1\}//p' Makefile

FORCE:
.PHONY: all steps debug asan tsan cover fuzz clean help FORCE
