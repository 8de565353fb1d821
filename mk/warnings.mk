# What both compilers warn of, as errors (WERROR= builds on in spite of it).

WERROR := -Werror
# Left out on purpose: -Wcast-qual and -Wlogical-op (system headers' own
# interfaces and EAGAIN || EWOULDBLOCK trip them), -Wnull-dereference (its
# findings change with the inliner's mood; cppcheck and UBSan look instead);
# -Wmissing-field-initializers (in a table, what a row leaves out is 0).
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wvla -Wundef -Wpointer-arith \
	-Wwrite-strings -Wredundant-decls -Wno-missing-field-initializers
ifeq ($(CC_IS_CLANG),)
# Of the two, only gcc reads the comment that says a fall-through is meant.
WARNINGS += -Wduplicated-cond -Wimplicit-fallthrough
endif
WARNINGS += $(WERROR)
