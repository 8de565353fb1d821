# Unit tests, system tests, fuzzing.
#
# A runner adds a line "suite passed failed" to the file named in TALLY, if
# there is one; script/test sums them up.

unit: $(UNIT_BINARIES) ## build the unit tests
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ -lcmocka $(LIBS)

test: test-unit test-system test-browser ## every test but fuzzing

test-unit: $(UNIT_BINARIES) ## every tests/unit/*_test.c, one program each
	$(Q)RUN_UNDER='$(RUN_UNDER)' SUITE='unit $(VARIANT)' \
		tools/run-unit $(UNIT_BINARIES)

# What they kill at a step, they run from a build that has steps.
STEPS_BINARY := $(if $(filter release,$(VARIANT)),build/steps/drawbridge,\
	$(BINARY))
# Beside that, a newer program: the same with a migration more in each set.
NEXT := $(BUILD)/next/drawbridge
NEXT_MIGRATIONS := $(call find,tests/support/migrations,*.sql)
all: $(if $(filter release fuzz,$(VARIANT)),,$(NEXT))
$(NEXT): $(call objects,$(MAIN_SOURCES)) $(BUILD)/next/embed.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS)
$(BUILD)/next/embed.S: tools/embed $(BUILD)/embed.list $(EMBED_FILES) \
		$(NEXT_MIGRATIONS)
	$(call say,EMBED,$@)
	$(Q)mkdir -p $(@D)
	$(Q)tools/embed $(EMBED_PAIRS) $(foreach f,$(NEXT_MIGRATIONS),\
		$(f:tests/support/%=%)=$(f)) > $@

test-system: $(BINARY) ## tests/system with Node's own test runner
	$(if $(filter release,$(VARIANT)),$(Q)$(MAKE) VARIANT=steps \
		BUILD=build/steps all)
	$(Q)DRAWBRIDGE=$(abspath $(BINARY)) \
		DRAWBRIDGE_WITH_STEPS=$(abspath $(STEPS_BINARY)) \
		tools/run-system $(BUILD)

# The studio in Debian's Chromium; SCREENSHOTS names a folder for pictures.
test-browser: $(BINARY) ## tests/browser, the studio in a real browser
	$(Q)DRAWBRIDGE=$(abspath $(BINARY)) SUITE=browser SYSTEM='*' \
		tools/run-system $(BUILD)

# The refresh protocol's model (docs/design/refresh.md), with spin.
model: ## check tests/model/refresh.pml
	$(Q)tools/check-model $(abspath $(BUILD))

# Which lines the unit tests run, folder by folder.
ifeq ($(VARIANT),cover)
cover-report: test-unit
	$(Q)tools/cover-report $(BUILD)
else
cover-report: ## line coverage of the unit tests, by folder
	$(Q)$(MAKE) VARIANT=cover cover-report
endif

# Fuzzing: FUZZ_SECONDS for each program.  What it finds goes to the build
# folder; whoever wants to keep an input copies it to tests/fuzz/corpus.
FUZZ_SECONDS ?= 10
ifeq ($(VARIANT),fuzz)
fuzz: $(FUZZ_BINARIES)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
fuzz-run: fuzz
	$(Q)RUN_UNDER='$(RUN_UNDER)' FUZZ_SECONDS=$(FUZZ_SECONDS) \
		tools/run-fuzz $(BUILD)/finds $(FUZZ_BINARIES)
else
fuzz-run: ## fuzz each parser for FUZZ_SECONDS=10
	$(Q)$(MAKE) VARIANT=fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz-run
endif

# Long runs: docs/reliability.md tells what they do.
TORTURE_MINUTES ?= 60
torture: $(BINARY) ## kills, faults, slow clients, fuzzing for TORTURE_MINUTES=60
	$(if $(filter release,$(VARIANT)),$(Q)$(MAKE) VARIANT=steps \
		BUILD=build/steps all)
	$(Q)$(MAKE) VARIANT=fuzz BUILD=build/fuzz fuzz
	$(Q)DRAWBRIDGE=$(abspath $(BINARY)) \
		DRAWBRIDGE_WITH_STEPS=$(abspath $(STEPS_BINARY)) \
		TORTURE_MINUTES=$(TORTURE_MINUTES) \
		tools/torture $(BUILD)/torture

.SECONDARY:
.PHONY: unit test test-unit test-system test-browser model cover-report \
	fuzz fuzz-run torture
