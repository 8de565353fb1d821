# What is checked without running anything of ours.

C_FILES := $(call find,src,*.[ch]) $(sort $(wildcard tests/unit/*.[ch] \
	tests/fuzz/*.[ch] tests/support/*.[ch])) $(call find,bench,*.[ch])
HEADERS := $(call find,src,*.h)
SCRIPTS := $(filter-out %.awk,$(shell grep -lE '^\#(!/bin/(ba)?sh| SPDX)' .ci/run script/* tools/* \
	2>/dev/null | xargs -r grep -LE "^\#!.*(awk|node|python|perl)"))
MODULES := $(call find,tests/system,*.mjs) $(call find,tests/support,*.mjs) \
	$(call find,bench,*.mjs) $(call find,tools,*.mjs)
CHECKS := lint check-layers check-headers check-map check-sizes check-openapi \
	check-manual

check: ## lint and every check
	$(Q)MAKE="$(MAKE)" tools/run-checks $(CHECKS)

lint: lint-format lint-c lint-sh lint-js lint-json ## style, cppcheck, scripts

lint-format:
	$(Q)out=$$(printf '%s\n' $(C_FILES) | xargs -P$(shell nproc) -n 20 \
		clang-format --dry-run -Werror 2>&1) || { \
		echo "$$out" | sed -nE -e '/clang-format:/p' -e \
		's/^([^:]+):[0-9:]+ error: .*/\1: make format FILES=\1/p' | \
		sort -u; exit 1; }
	@echo 'format: $(words $(C_FILES)) files'

# What cppcheck reports of headers that it does not find, or of its own
# limits, says nothing of the code.
lint-c:
	$(Q)mkdir -p $(BUILD)/cppcheck
	$(Q)cppcheck --quiet --enable=warning,portability --std=c11 \
		--inline-suppr --error-exitcode=1 -j$(shell nproc) \
		--cppcheck-build-dir=$(BUILD)/cppcheck \
		--suppress=missingIncludeSystem \
		--suppress=nullPointerRedundantCheck \
		-D__linux__ -D_GNU_SOURCE -Isrc src
	@echo 'cppcheck: $(words $(LIB_SOURCES) $(MAIN_SOURCES)) files'

lint-sh:
	$(Q)for f in $(SCRIPTS); do bash -n $$f || exit 1; done
	@echo 'scripts: $(words $(SCRIPTS)) parse'

lint-js:
	$(Q)for f in $(MODULES); do node --check $$f || exit 1; done
	@echo 'modules: $(words $(MODULES)) parse'

# A lock file must install from whichever registry there is.
lint-json:
	$(Q)! grep -n '"resolved"' $(wildcard */package-lock.json)
	$(Q)tools/check-json $(EMBED_SERVICES)

# One file at a time: several at once confuse its path analysis.
tidy: ## clang-tidy over src (slow, not part of check)
	$(Q)printf '%s\n' $(LIB_SOURCES) $(MAIN_SOURCES) | \
		xargs -P$(shell nproc) -I{} clang-tidy --quiet {} -- \
		$(CPPFLAGS) -std=gnu17 2>/dev/null

FILES ?= $(C_FILES)
format: ## clang-format in place (FILES='…' for some)
	clang-format -i $(FILES)

check-layers: ## includes run downwards, through doors only
	$(Q)tools/check-layers ARCHITECTURE.md $(filter src/%,$(C_FILES))

check-headers: ## each header compiles alone
	$(Q)tools/check-headers '$(CC) $(CPPFLAGS) -std=gnu17 $(WARNINGS)' \
		$(HEADERS)

check-map: ## ARCHITECTURE.md's table is the tree
	$(Q)tools/check-map ARCHITECTURE.md

check-openapi: ## docs/openapi.yaml has the routes of the table
	$(Q)tools/check-openapi src/api/routes.c docs/openapi.yaml

check-manual: $(BINARY) ## manual and README tell what --help tells
	$(Q)tools/manual $(BINARY) check

docs: $(BINARY) ## the manual, and README's settings, out of --help
	$(Q)tools/manual $(BINARY) write

check-sizes: ## lengths of functions and files
	$(Q)tools/check-sizes $(C_FILES)

.PHONY: check lint lint-format lint-c lint-sh lint-js lint-json tidy format \
	check-layers check-headers check-map check-sizes check-openapi \
	check-manual docs
