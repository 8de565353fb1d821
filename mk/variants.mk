# The build variants: what each compiles and links with.
#
#   release  -O2 with hardening; assertions stay on
#   steps    the same, with the steps of tests (src/base/step.h)
#   debug    -O0 -g3
#   asan     AddressSanitizer and UBSan: the tests run under it
#   tsan     ThreadSanitizer: for what has threads
#   cover    gcov's counters
#   fuzz     libFuzzer's instrumentation with ASan and UBSan
#
# Sanitizers run best with clang's own runtime, so that is their compiler
# unless CC is given.

VARIANTS := release steps debug asan tsan cover fuzz
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT): not one of $(VARIANTS))
endif

ifeq ($(origin CC),default)
CC := $(if $(filter asan tsan fuzz,$(VARIANT)),clang,gcc)
endif
CC_IS_CLANG := $(findstring clang,$(CC))

# UBSan's findings end the program: a test that prints and goes on is green.
UBSAN := -fsanitize=undefined -fno-sanitize-recover=all

# glibc's level 3 needs what gcc 12 has and clang 14 has not yet.
HARDEN_FORTIFY := -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=$(if $(CC_IS_CLANG),2,3)
HARDEN := $(HARDEN_FORTIFY) -fstack-protector-strong \
	-fstack-clash-protection
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code
# Control-flow protection is a thing of the processor: x86 and 64-bit Arm.
MACHINE := $(shell uname -m)
HARDEN += $(if $(filter x86_64,$(MACHINE)),-fcf-protection=full)
HARDEN += $(if $(filter aarch64,$(MACHINE)),-mbranch-protection=standard)

variant_release_CFLAGS := -O2 -g $(HARDEN)
variant_release_LDFLAGS := $(HARDEN_LINK)

variant_steps_CFLAGS := $(variant_release_CFLAGS)
variant_steps_LDFLAGS := $(HARDEN_LINK)

variant_debug_CFLAGS := -O0 -g3 -fstack-protector-strong

variant_asan_CFLAGS := -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address $(UBSAN)
variant_asan_LDFLAGS := -fsanitize=address $(UBSAN)

variant_tsan_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
variant_tsan_LDFLAGS := -fsanitize=thread

variant_cover_CFLAGS := -O0 -g --coverage
variant_cover_LDFLAGS := --coverage

variant_fuzz_CFLAGS := -O1 -g -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address $(UBSAN)
variant_fuzz_LDFLAGS := -fsanitize=fuzzer,address $(UBSAN)
ifeq ($(VARIANT)$(CC_IS_CLANG),fuzz)
$(error VARIANT=fuzz needs clang (libFuzzer))
endif

VARIANT_CFLAGS := $(variant_$(VARIANT)_CFLAGS)
# Where a test can stop or kill a process: never in a release.
VARIANT_CFLAGS += $(if $(filter steps debug asan tsan cover,$(VARIANT)),\
	-DDRAWBRIDGE_STEPS)
VARIANT_LDFLAGS := $(variant_$(VARIANT)_LDFLAGS)

# Sanitizers of this age map their shadow at fixed addresses, which newer
# kernels' wide address randomization sometimes takes first.  Where the
# system lets us, their programs run without it.
ifneq ($(filter asan tsan fuzz,$(VARIANT)),)
RUN_UNDER := $(shell setarch $(MACHINE) -R true 2>/dev/null && \
	echo setarch $(MACHINE) -R)
endif
